/**
 * The session machine as a model: what may be done to a session from outside, and what must be seen then. The states
 * and transitions are the machine's own; what is added is what a machine does not say about itself: that time passes
 * without anything happening.
 */
import { initialTransition, transition } from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import { sessionMachine } from '../machines/index.ts';
export function expectation({ session }) {
  const { inFlight, reason } = session.context;
  const ended = session.value === 'terminated';
  return { state: session.value, inFlight: ended ? 0 : inFlight, reason };
}
/** The events that can be driven in a state. */
function eventsOf(state, options) {
  const { value, context } = state.session;
  const { timeouts, endings, maxInFlight, holdInitialize } = options;
  if (value === 'terminated') return [];
  if (value === 'initializing' && !holdInitialize) return [{ type: 'INITIALIZED' }];
  // The exchange of the initialize ends with its answer: nothing can be done in between.
  if (state.opening) return [{ type: 'RESPONSE' }];
  const { sessionIdleTimeout: idle, maxSessionLifetime: lifetime } = timeouts;
  const canWait = !state.waited && idle !== null && (lifetime === null || idle < lifetime);
  const events = endings
    .filter((reason) => value !== 'initializing' || reason !== 'deleted')
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
    if (canWait) events.push({ type: 'REST' });
    if (firesFirst(idle, lifetime)) events.push(after('sessionIdleTimeout', 'session.idle'));
    else if (lifetime !== null) events.push(after('maxSessionLifetime', 'session'));
  }
  return events;
}
function after(timer, state) {
  return { type: `xstate.after.${timer}.${state}` };
}
function firesFirst(timer, other) {
  return timer !== null && (other === null || timer < other);
}
/** The model as actor logic, which is what `xstate/graph` explores. */
export function sessionLogic({ timeouts }, machine = sessionMachine) {
  const start = () => ({
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
      const [session] = transition(machine, state.session, event);
      const pushed = state.pushed || (state.waited && event.type === 'REQUEST' && state.session.value === 'idle');
      return { ...state, session, opening: event.type === 'INITIALIZED', waited: false, pushed };
    },
  };
}
/** All states that can be reached within the bounds, and what leads from one to the next. */
export function sessionGraph(options, machine = sessionMachine) {
  return getAdjacencyMap(sessionLogic(options, machine), {
    events: (state) => eventsOf(state, options),
    serializeState: stateName,
    limit: 100_000,
  });
}
/** A state's name, as reports show it: `active(2)`, `idle, pushed`. */
export function stateName(state) {
  const { state: name, inFlight, reason } = expectation(state);
  if (name === 'terminated') return `terminated(${reason})`;
  const marks = ['opening', 'pushed', 'waited'].filter((mark) => state[mark]);
  return [name === 'active' ? `${name}(${inFlight})` : name, ...marks].join(', ');
}
/** An event's name, as reports show it. */
export function eventName(event) {
  if (event.type === 'TERMINATE') return `TERMINATE ${event.reason}`;
  const timer = /^xstate\.after\.(\w+)/.exec(event.type)?.[1];
  return timer === undefined ? event.type : `after ${timer}`;
}
