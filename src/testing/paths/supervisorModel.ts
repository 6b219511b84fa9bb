/**
 * Several sessions under one supervisor as a model: the supervisor machine and a session machine for each session, as
 * they are, and between them what no machine says: who is let in, who has to go, and what a drain does to whom.
 */
import { type ActorLogic, initialTransition, type SnapshotFrom, transition } from 'xstate';
import { type AdjacencyMap, getAdjacencyMap } from 'xstate/graph';
import type { EndReason } from '../../index.ts';
import { type SessionMachineEvent, sessionMachine, supervisorMachine } from '../../machines/index.ts';
import type { AdmissionRule, Caps } from './admission.ts';

/** What happens in one step. `session` is a session's place in the list before the step. */
export type SupervisorModelEvent =
  /** A client of this principal asks for a session. */
  | { readonly type: 'INITIALIZE'; readonly principal: string }
  /** Its initialize is answered. */
  | { readonly type: 'INITIALIZED'; readonly session: number }
  | { readonly type: 'REQUEST'; readonly session: number; readonly kind: HoldKind }
  /** What has been in flight for longest ends. */
  | { readonly type: 'RESPONSE'; readonly session: number }
  /** The client deletes the session. */
  | { readonly type: 'TERMINATE'; readonly session: number }
  /** The idle timeout passes: all that are idle end, and nobody else. */
  | { readonly type: 'xstate.after.sessionIdleTimeout.session.idle' }
  | { readonly type: 'DRAIN' }
  | { readonly type: 'xstate.after.shutdownTimeout.supervisor.draining' };

/** What keeps a session active: a call, which uses it, or its GET stream, which doesn't. */
export type HoldKind = 'call' | 'stream';

/** A session after a step. */
export interface ExpectedSession {
  readonly principal: string;
  readonly state: 'initializing' | 'active' | 'idle';
  readonly holds: readonly HoldKind[];
  /** It has sent a request after its initialize. */
  readonly used: boolean;
  /** Its place before the step; undefined: it began in this step. */
  readonly was: number | undefined;
}

/** What must be so after a step. */
export interface SupervisorExpectation {
  readonly supervisor: 'accepting' | 'draining' | 'stopped';
  /** Who is alive: the idle ones first, longest idle first. */
  readonly sessions: readonly ExpectedSession[];
  /** Whose session ended in this step: their places before it, and why. */
  readonly ended: readonly { readonly was: number; readonly reason: EndReason }[];
  /** What an INITIALIZE is answered with; undefined for other events. */
  readonly status: 200 | 429 | 503 | undefined;
}

export interface SupervisorModelOptions extends Caps {
  readonly principals: readonly string[];
  /** The most that may be in flight at a time in one session. */
  readonly maxInFlight: number;
  /** What can be in flight. */
  readonly kinds: readonly HoldKind[];
  /** Initializes wait for INITIALIZED. */
  readonly holdInitialize: boolean;
  /** In ms; `null`: none. */
  readonly sessionIdleTimeout: number | null;
  /** In ms; `null`: none. */
  readonly shutdownTimeout: number | null;
}

type Actor = SnapshotFrom<typeof sessionMachine>;

interface ModelSession extends Pick<ExpectedSession, 'principal' | 'holds' | 'used' | 'was'> {
  readonly actor: Actor;
}

/** A state of the model. The idle sessions come first, longest idle first; the others are ordered by what they are. */
export interface SupervisorState {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly supervisor: SnapshotFrom<typeof supervisorMachine>;
  readonly sessions: readonly ModelSession[];
}

export interface SupervisorRules {
  readonly options: SupervisorModelOptions;
  readonly admit: AdmissionRule;
}

/** Where the model begins: nobody is there. */
export function emptySupervisor({ shutdownTimeout }: SupervisorModelOptions): SupervisorState {
  const [supervisor] = initialTransition(supervisorMachine, { shutdownTimeout });
  return { status: 'active', output: undefined, error: undefined, supervisor, sessions: [] };
}

/** Takes a step. */
export function take(
  state: SupervisorState,
  event: SupervisorModelEvent,
  { options, admit }: SupervisorRules,
): { readonly state: SupervisorState; readonly expected: SupervisorExpectation } {
  let { supervisor } = state;
  let sessions: readonly ModelSession[] = state.sessions.map((session, was) => ({ ...session, was }));
  let status: SupervisorExpectation['status'];
  const change = (place: number, changed: (session: ModelSession) => ModelSession) => {
    const session = sessions[place];
    // Behind all others, since whoever becomes idle now is idle for the shortest time.
    if (session !== undefined) sessions = [...sessions.filter((other) => other !== session), changed(session)];
  };
  const end = (reason: EndReason, which: (session: ModelSession) => boolean) => {
    sessions = sessions.map((one) => (which(one) ? send(one, { type: 'TERMINATE', reason }) : one));
  };
  const tellSupervisor = (what: { readonly type: string }) => {
    const [next, actions] = transition(supervisorMachine, supervisor, what as { type: 'DRAIN' });
    supervisor = next;
    for (const { type } of actions) {
      if (type === 'endIdleSessions') end('drained', hasNoCall);
      if (type === 'endAllSessions') end('drained', () => true);
    }
  };

  switch (event.type) {
    case 'INITIALIZE': {
      const answer: ReturnType<AdmissionRule> =
        supervisor.value === 'accepting'
          ? admit(sessions.map(standing), event.principal, options)
          : { status: 503, evicted: undefined };
      status = answer.status;
      if (answer.evicted !== undefined) end('evicted', ({ was }) => was === answer.evicted);
      if (status === 200) sessions = [...sessions, begin(event.principal, options)];
      break;
    }
    case 'INITIALIZED':
      change(event.session, initialized);
      break;
    case 'REQUEST':
      change(event.session, (session) => ({
        ...send(session, event),
        holds: [...session.holds, event.kind],
        used: session.used || event.kind === 'call',
      }));
      break;
    case 'RESPONSE':
      change(event.session, (session) => ({ ...send(session, event), holds: session.holds.slice(1) }));
      // The last call that a drain waited for has ended.
      if (supervisor.value === 'draining') end('drained', hasNoCall);
      break;
    case 'TERMINATE':
      end('deleted', ({ was }) => was === event.session);
      break;
    case 'xstate.after.sessionIdleTimeout.session.idle':
      sessions = sessions.map((session) => send(session, event as never));
      break;
    default:
      tellSupervisor(event);
  }

  const gone = sessions.filter(({ actor }) => actor.value === 'terminated');
  sessions = ordered(sessions.filter(({ actor }) => actor.value !== 'terminated'));
  if (supervisor.value === 'draining' && sessions.length === 0) tellSupervisor({ type: 'DRAINED' });
  return {
    state: { ...state, supervisor, sessions },
    expected: {
      supervisor: supervisor.value,
      status,
      sessions: sessions.map((session) => ({ ...standing(session), was: session.was })),
      ended: gone.flatMap(({ was, actor }) =>
        was === undefined ? [] : { was, reason: actor.context.reason ?? 'terminated' },
      ),
    },
  };
}

function send(session: ModelSession, ...events: SessionMachineEvent[]): ModelSession {
  const actor = events.reduce<Actor>(
    (snapshot, event) => transition(sessionMachine, snapshot, event)[0],
    session.actor,
  );
  return { ...session, actor };
}

function begin(principal: string, { sessionIdleTimeout, holdInitialize }: SupervisorModelOptions): ModelSession {
  const timeouts = { sessionIdleTimeout, initializeTimeout: null, maxSessionLifetime: null };
  const [actor] = initialTransition(sessionMachine, { sessionId: 'model', timeouts });
  const session: ModelSession = { principal, actor, holds: [], used: false, was: undefined };
  return holdInitialize ? session : initialized(session);
}

/** The initialize is answered, and the client has sent `notifications/initialized`. */
function initialized(session: ModelSession): ModelSession {
  return send(session, { type: 'INITIALIZED' }, { type: 'RESPONSE' }, { type: 'REQUEST' }, { type: 'RESPONSE' });
}

function hasNoCall({ holds }: ModelSession): boolean {
  return !holds.includes('call');
}

function standing({ principal, actor, holds, used }: ModelSession): Omit<ExpectedSession, 'was'> {
  return { principal, state: actor.value as ExpectedSession['state'], holds, used };
}

/** Which of several busy sessions came first makes no difference; their order is one of names, so that states are few. */
function ordered(sessions: readonly ModelSession[]): ModelSession[] {
  const isIdle = ({ actor }: ModelSession) => actor.value === 'idle';
  const name = (session: ModelSession) => sessionName(standing(session));
  const others = sessions.filter((session) => !isIdle(session));
  return [...sessions.filter(isIdle), ...others.sort((a, b) => name(a).localeCompare(name(b), 'en'))];
}

/** The events that can be driven in a state. */
export function eventsOf(
  { supervisor, sessions }: SupervisorState,
  options: SupervisorModelOptions,
): SupervisorModelEvent[] {
  const { principals, maxInFlight, kinds, sessionIdleTimeout, shutdownTimeout } = options;
  const accepting = supervisor.value === 'accepting';
  // Those who have no session are alike; and to a supervisor that lets nobody in, all are.
  const known = principals.filter((name) => accepting && sessions.some(({ principal }) => principal === name));
  const asking = [...known, ...principals.filter((name) => !known.includes(name)).slice(0, 1)];
  const events: SupervisorModelEvent[] = asking.map((principal) => ({ type: 'INITIALIZE', principal }));
  for (const [session, { actor, holds }] of sessions.entries()) {
    if (isLikeTheOneBefore(sessions, session)) continue;
    if (actor.value === 'initializing') {
      events.push({ type: 'INITIALIZED', session });
      continue;
    }
    for (const kind of accepting && holds.length < maxInFlight ? kinds : []) {
      if (kind === 'call' || !holds.includes('stream')) events.push({ type: 'REQUEST', session, kind });
    }
    if (holds.length > 0) events.push({ type: 'RESPONSE', session });
    events.push({ type: 'TERMINATE', session });
  }
  if (accepting) {
    if (sessionIdleTimeout !== null && sessions.length > 0) {
      events.push({ type: 'xstate.after.sessionIdleTimeout.session.idle' });
    }
    events.push({ type: 'DRAIN' });
  }
  if (supervisor.value === 'draining' && shutdownTimeout !== null) {
    events.push({ type: 'xstate.after.shutdownTimeout.supervisor.draining' });
  }
  return events;
}

/** Of several busy sessions that are alike one is enough; idle ones differ by how long they are idle. */
function isLikeTheOneBefore(sessions: readonly ModelSession[], place: number): boolean {
  const [session, before] = [sessions[place], sessions[place - 1]];
  if (session === undefined || before === undefined || session.actor.value === 'idle') return false;
  return sessionName(standing(session)) === sessionName(standing(before));
}

/** All states that can be reached within the bounds, and what leads from one to the next. */
export function supervisorGraph(rules: SupervisorRules): AdjacencyMap<SupervisorState, SupervisorModelEvent> {
  const logic: ActorLogic<SupervisorState, SupervisorModelEvent, undefined> = {
    getInitialSnapshot: () => emptySupervisor(rules.options),
    getPersistedSnapshot: (state) => state,
    transition: (state, event) => take(state, event, rules).state,
  };
  return getAdjacencyMap(logic, {
    events: (state) => eventsOf(state, rules.options),
    serializeState: supervisorName as never,
    limit: 100_000,
  });
}

function sessionName({ principal, state, holds, used }: Omit<ExpectedSession, 'was'>): string {
  const what = state === 'active' ? holds.join(' and ') : state;
  return `${principal} ${what}${used || state === 'initializing' ? '' : ' unused'}`;
}

/** A state's name, as reports show it: `accepting (ada idle, bob call)`. */
export function supervisorName({ supervisor, sessions }: SupervisorState): string {
  const names = sessions.map((session) => sessionName(standing(session)));
  return names.length === 0 ? supervisor.value : `${supervisor.value} (${names.join(', ')})`;
}

/** An event's name, as reports show it: `REQUEST call, ada idle`. */
export function supervisorEventName(event: SupervisorModelEvent, { sessions }: SupervisorState): string {
  const timer = /^xstate\.after\.(\w+)/.exec(event.type)?.[1];
  if (timer !== undefined) return `after ${timer}`;
  if (event.type === 'INITIALIZE') return `INITIALIZE ${event.principal}`;
  if (!('session' in event)) return event.type;
  const session = sessions[event.session];
  const who = session === undefined ? 'nobody' : sessionName(standing(session));
  return `${event.type}${event.type === 'REQUEST' ? ` ${event.kind}` : ''} of ${event.session + 1}: ${who}`;
}
