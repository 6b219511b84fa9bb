/** The session's statechart as its machine has it: the states, and what leads from one to another. */
import type { SessionState } from '../index.ts';
import { sessionMachine } from '../machines/index.ts';
import type { MachineEdge } from './protocol.ts';

export const STATES = Object.keys(sessionMachine.root.states) as SessionState[];

/** The states that there are only where a session store keeps records. */
export const STATES_WITH_RECORDS: readonly SessionState[] = ['restoring', 'parked'];

/**
 * What becomes of a parked session. Its actor has come to its end, so no machine has these: its record is all that is left
 * of it. The next actor of the session begins in `initializing`, which it leaves for `restoring` before it does anything; so
 * the session is seen to go there from `parked`.
 */
const BY_RECORD: readonly MachineEdge[] = [
  { from: 'parked', to: 'restoring', event: 'request', byRecord: true },
  { from: 'parked', to: 'terminated', event: 'TERMINATE', byRecord: true },
  { from: 'parked', to: 'terminated', event: 'after sessionIdleTimeout', byRecord: true },
  { from: 'parked', to: 'terminated', event: 'after maxSessionLifetime', byRecord: true },
];

interface Transition {
  readonly target?: readonly { readonly key: string }[] | undefined;
  readonly eventType: string;
  readonly guard?: unknown;
}

/**
 * Every transition that leaves a state for another one, and then what leads on by a session's record. A transition of the
 * whole machine (`TERMINATE`) leaves each state.
 */
export function machineEdges(): MachineEdge[] {
  const { root } = sessionMachine;
  const living = STATES.filter((from) => root.states[from]?.type !== 'final');
  const edges = living.flatMap((from) => {
    const transitions = [root, root.states[from]].flatMap((node) => [...(node?.transitions.values() ?? [])].flat());
    return (transitions as readonly Transition[]).flatMap(({ target, eventType, guard }) => {
      const to = target?.[0]?.key as SessionState | undefined;
      if (to === undefined || to === from) return [];
      return [{ from, to, event: eventName(eventType), ...(typeof guard === 'string' && { guard }) }];
    });
  });
  return [...edges, ...BY_RECORD];
}

/** A delayed transition's event, `xstate.after.sessionIdleTimeout.session.idle`, by the name of its delay. */
function eventName(eventType: string): string {
  const [, delay] = /^xstate\.after\.(\w+)\./.exec(eventType) ?? [];
  return delay === undefined ? eventType : `after ${delay}`;
}
