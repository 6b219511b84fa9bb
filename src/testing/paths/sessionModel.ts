/**
 * The session machine as a model: what may be done to a session from outside, and what must be seen then. The states
 * and transitions are the machine's own; what is added is what a machine does not say about itself: that time passes
 * without anything happening, and that a session goes on after its actor has parked, in another one.
 */
import { type ActorLogic, initialTransition, type SnapshotFrom, transition } from 'xstate';
import { type AdjacencyMap, getAdjacencyMap } from 'xstate/graph';
import type { EndReason, SessionState } from '../../index.ts';
import { type SessionMachineEvent, type SessionTimeouts, sessionMachine } from '../../machines/index.ts';

/** What happens in one step: an event of the machine, one of its timers, or time that passes for nothing. */
export type ModelEvent =
  | SessionMachineEvent
  | { readonly type: `xstate.after.${keyof SessionTimeouts}.${string}` }
  /** Time passes while something is in flight, longer than the idle timeout: nothing may happen. */
  | { readonly type: 'WAIT' }
  /** Time passes while nothing is in flight, shorter than the idle timeout: nothing may happen. */
  | { readonly type: 'REST' };

/** What must be so after a step. */
export interface Expectation {
  readonly state: SessionState;
  readonly inFlight: number;
  readonly reason: EndReason | null;
}

export interface SessionModelOptions {
  /** Which timers there are, in ms; `null`: none. */
  readonly timeouts: SessionTimeouts;
  /** The most that may be in flight at a time. */
  readonly maxInFlight: number;
  /** Something can be kept in flight; otherwise every request is over at once. */
  readonly holds: boolean;
  /** How a session can be ended from outside. */
  readonly endings: readonly EndReason[];
  /** What can happen while a session is being initialized can be driven: `INITIALIZED` waits for us. */
  readonly holdInitialize: boolean;
}

type SessionSnapshot = SnapshotFrom<typeof sessionMachine>;

/** A state of the model. */
export interface ModelState {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly session: SessionSnapshot;
  /** The initialize is answered, and its exchange has not ended yet. */
  readonly opening: boolean;
  /** Time has passed since the last event. */
  readonly waited: boolean;
  /** The deadline has been pushed: the session rested, was used again, and has lived longer than one idle timeout. */
  readonly pushed: boolean;
}

export type ModelLogic = ActorLogic<ModelState, ModelEvent, undefined>;

export function expectation({ session }: ModelState): Expectation {
  const { inFlight, reason } = session.context;
  const ended = session.value === 'terminated';
  return { state: session.value, inFlight: ended || session.value === 'parked' ? 0 : inFlight, reason };
}

/** The events that can be driven in a state. */
function eventsOf(state: ModelState, options: SessionModelOptions): ModelEvent[] {
  const { value, context } = state.session;
  const { timeouts, endings, maxInFlight, holds, holdInitialize } = options;
  if (value === 'terminated') return [];
  if (value === 'initializing' && !holdInitialize) return [{ type: 'INITIALIZED' }];
  // The exchange of the initialize ends with its answer: nothing can be done in between.
  if (state.opening || (value === 'active' && !holds)) return [{ type: 'RESPONSE' }];
  const { sessionIdleTimeout: idle, maxSessionLifetime: lifetime, parkAfter = null } = timeouts;
  const canWait = !state.waited && idle !== null && (lifetime === null || idle < lifetime);
  const events: ModelEvent[] = endings
    .filter((reason) => value !== 'initializing' || reason !== 'deleted')
    .filter((reason) => value !== 'parked' || reason !== 'closed') // there is no server that could
    .map((reason) => ({ type: 'TERMINATE', reason }));
  if (value === 'initializing') {
    events.push({ type: 'INITIALIZED' });
    if (firesFirst(timeouts.initializeTimeout, lifetime))
      events.push(after('initializeTimeout', 'session.initializing'));
  }
  if (value === 'active') {
    if (context.inFlight < maxInFlight) events.push({ type: 'REQUEST' });
    events.push({ type: 'RESPONSE' });
    if (canWait) events.push({ type: 'WAIT' });
    if (lifetime !== null) events.push(after('maxSessionLifetime', 'session'));
  }
  if (value === 'idle') {
    events.push({ type: 'REQUEST' });
    if (canWait && parkAfter === null) events.push({ type: 'REST' });
    if (firesFirst(parkAfter, lifetime)) events.push(after('parkAfter', 'session.idle'));
    else if (firesFirst(idle, lifetime)) events.push(after('sessionIdleTimeout', 'session.idle'));
    else if (lifetime !== null) events.push(after('maxSessionLifetime', 'session'));
  }
  if (value === 'parked') {
    events.push({ type: 'REQUEST' });
    if (firesFirst(idle, lifetime)) events.push(after('sessionIdleTimeout', 'session.parked'));
    else if (lifetime !== null) events.push(after('maxSessionLifetime', 'session'));
  }
  return events;
}

function after(timer: keyof SessionTimeouts, state: string): ModelEvent {
  return { type: `xstate.after.${timer}.${state}` };
}

function firesFirst(timer: number | null, other: number | null): boolean {
  return timer !== null && (other === null || timer < other);
}

/** The model as actor logic, which is what `xstate/graph` explores. */
function sessionLogic({ timeouts }: SessionModelOptions, machine = sessionMachine): ModelLogic {
  const start = (): ModelState => ({
    status: 'active',
    output: undefined,
    error: undefined,
    session: initialTransition(machine, { sessionId: 'model', timeouts })[0],
    opening: false,
    waited: false,
    pushed: false,
  });
  return {
    getInitialSnapshot: start,
    getPersistedSnapshot: (state) => state,
    transition: (state, event) => {
      if (event.type === 'WAIT' || event.type === 'REST') return { ...state, waited: true };
      const session =
        state.session.value === 'parked'
          ? afterParking(machine, state.session, event)
          : transition(machine, state.session, event as SessionMachineEvent)[0];
      const pushed = state.pushed || (state.waited && event.type === 'REQUEST' && state.session.value === 'idle');
      return { ...state, session, opening: event.type === 'INITIALIZED', waited: false, pushed };
    },
  };
}

/** A parked session has no actor: the next one takes a request, and what else happens to it ends it. */
function afterParking(
  machine: typeof sessionMachine,
  { context: { sessionId, timeouts } }: SessionSnapshot,
  event: ModelEvent,
): SessionSnapshot {
  const [restoring] = initialTransition(machine, { sessionId, timeouts, restored: true });
  const reason = event.type.includes('maxSessionLifetime') ? 'lifetime' : 'idle';
  const next: SessionMachineEvent =
    event.type === 'REQUEST'
      ? { type: 'RESTORED' }
      : event.type === 'TERMINATE'
        ? event
        : { type: 'TERMINATE', reason };
  return transition(machine, restoring, next)[0];
}

/** All states that can be reached within the bounds, and what leads from one to the next. */
export function sessionGraph(
  options: SessionModelOptions,
  machine = sessionMachine,
): AdjacencyMap<ModelState, ModelEvent> {
  return getAdjacencyMap(sessionLogic(options, machine), {
    events: (state) => eventsOf(state, options),
    serializeState: stateName as never,
    limit: 100_000,
  });
}

/** A state's name, as reports show it: `active(2)`, `idle, pushed`. */
export function stateName(state: ModelState): string {
  const { state: name, inFlight, reason } = expectation(state);
  if (name === 'terminated') return `terminated(${reason})`;
  const marks = (['opening', 'pushed', 'waited'] as const).filter((mark) => state[mark]);
  return [name === 'active' ? `${name}(${inFlight})` : name, ...marks].join(', ');
}

/** An event's name, as reports show it. */
export function eventName(event: ModelEvent): string {
  if (event.type === 'TERMINATE') return `TERMINATE ${event.reason}`;
  const timer = /^xstate\.after\.(\w+)/.exec(event.type)?.[1];
  return timer === undefined ? event.type : `after ${timer}`;
}
