/** Checks of events: that they come in order, and after what they tell of. */
import type { SessionEvent } from '../../index.ts';
import type { Observed, SeenSession } from './observed.ts';
import { sessionActors } from './sessionActors.ts';

type EventType = SessionEvent['type'];

/** What a session's listeners can be told next, by what they were told last. */
const NEXT: Readonly<Record<EventType | 'nothing', readonly EventType[]>> = {
  nothing: ['session.opened', 'session.terminated'],
  'session.opened': ['session.active', 'session.terminated'],
  'session.active': ['session.idle', 'session.terminated'],
  'session.idle': ['session.active', 'session.terminated'],
  'session.terminated': [],
  'session.parked': [], // there is no session store yet
  'session.restored': [],
};

export function outOfOrder({ id, told }: SeenSession, { type }: SessionEvent): string | undefined {
  const last = told.last ?? 'nothing';
  return NEXT[last].includes(type) ? undefined : `${id}: ${type} is told after ${last}`;
}

/** What the event tells of has happened, for the API and for the actor; more may have happened since. */
export function contradicted(
  observed: Observed,
  { id }: SeenSession,
  { session: told, type }: SessionEvent,
): string | undefined {
  const info = observed.supervisor.session(id);
  const state = type === 'session.terminated' ? 'terminated' : type === 'session.idle' ? 'idle' : 'active';
  if (told.state !== state) return `${type} of ${id} comes with the state ${told.state}`;
  if (state === 'terminated') return info && `${type} of ${id} is told while it is ${info.state}`;
  if ((state === 'idle') !== (told.inFlight === 0)) return `${type} of ${id} comes with ${told.inFlight} in flight`;
  if (info === undefined) return undefined; // it has ended meanwhile: that is told next
  if (info.state === 'initializing') return `${type} of ${id} is told while it is initializing`;
  const actor = sessionActors(observed).find((other) => other.getSnapshot().context?.sessionId === id);
  const { value, context } = actor?.getSnapshot() ?? {};
  if (value === info.state && context?.inFlight === info.inFlight) return undefined;
  return `When ${type} is told, ${id} is ${info.state}(${info.inFlight}), its actor ${String(value)}(${context?.inFlight})`;
}
