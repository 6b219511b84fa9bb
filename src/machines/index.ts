/** Entry point `mcp-session-supervisor/machines`: the statecharts by themselves. */
export {
  type ChildExit,
  type ChildInput,
  type ChildMachineContext,
  type ChildMachineEvent,
  type ChildOutput,
  childMachine,
  type RestartPolicy,
} from './child.ts';
export {
  type ListenEndReason,
  type ListenInput,
  type ListenMachineContext,
  type ListenMachineEvent,
  type ListenOutput,
  listenMachine,
} from './listen.ts';
export {
  type NodeInput,
  type NodeMachineContext,
  type NodeMachineEvent,
  type NodeTimes,
  nodeMachine,
} from './node.ts';
export { type PartitionEvent, partitionMachine } from './partition.ts';
export { END_REASONS, type EndReason } from './reasons.ts';
export {
  type SessionInput,
  type SessionMachineContext,
  type SessionMachineEvent,
  type SessionOutput,
  type SessionTimeouts,
  sessionMachine,
} from './session.ts';
export { type SupervisorEvent, type SupervisorInput, supervisorMachine } from './supervisor.ts';
