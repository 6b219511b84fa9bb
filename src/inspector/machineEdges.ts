/** The session's statechart as its machine has it: the states, and what leads from one to another. */
import type { SessionState } from '../index.ts';
import { sessionMachine } from '../machines/index.ts';
import type { MachineEdge } from './protocol.ts';

export const STATES = Object.keys(sessionMachine.root.states) as SessionState[];

interface Transition {
  readonly target?: readonly { readonly key: string }[] | undefined;
  readonly eventType: string;
  readonly guard?: unknown;
}

/** Every transition that leaves a state for another one. One of the whole machine (`TERMINATE`) leaves each of them. */
export function machineEdges(): MachineEdge[] {
  const { root } = sessionMachine;
  return STATES.filter((from) => root.states[from]?.type !== 'final').flatMap((from) => {
    const transitions = [root, root.states[from]].flatMap((node) => [...(node?.transitions.values() ?? [])].flat());
    return (transitions as readonly Transition[]).flatMap(({ target, eventType, guard }) => {
      const to = target?.[0]?.key as SessionState | undefined;
      if (to === undefined || to === from) return [];
      return [{ from, to, event: eventName(eventType), ...(typeof guard === 'string' && { guard }) }];
    });
  });
}

/** A delayed transition's event, `xstate.after.sessionIdleTimeout.session.idle`, by the name of its delay. */
function eventName(eventType: string): string {
  const [, delay] = /^xstate\.after\.(\w+)\./.exec(eventType) ?? [];
  return delay === undefined ? eventType : `after ${delay}`;
}
