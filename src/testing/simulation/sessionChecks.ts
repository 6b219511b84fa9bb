/** Checks of sessions: why they end, what holds them, and that registry, caps, actors and servers agree. */
import { modernLeft } from './modernChecks.ts';
import type { Observed, SeenSession } from './observed.ts';
import { type ActorLike, sessionActors } from './sessionActors.ts';
import type { ClientStream, SimulatedExchange } from './simulatedExchange.ts';

/** The exchanges that hold a session as far as its clients can tell: certainly, or perhaps. */
function holdsOf(observed: Observed, session: SeenSession): { certain: SimulatedExchange[]; possible: number } {
  const certain: SimulatedExchange[] = [];
  let possible = 0;
  for (const exchange of observed.exchanges) {
    const its = exchange === session.opening || (exchange.sessionId === session.id && exchange.kind !== 'delete');
    if (!its || !exchange.found || !exchange.open) continue;
    if (exchange.waitsForTurn)
      possible++; // it may be answered already
    else if (exchange.status === undefined || (exchange.isStream && exchange.reading)) certain.push(exchange);
    else if (exchange.isStream) possible++;
  }
  return { certain, possible };
}

export function idleCut(observed: Observed, session: SeenSession, lastActiveAt: number): string | undefined {
  if (session.reason !== 'idle') return undefined;
  const { clock, settings } = observed;
  const [exchange] = holdsOf(observed, session).certain;
  if (exchange !== undefined)
    return `${session.id} ends as idle while ${exchange.name} (${exchange.kind}) is in flight`;
  const rested = clock.now() - lastActiveAt;
  if (rested >= settings.sessionIdleTimeout) return undefined;
  return `${session.id} ends as idle ${rested} ms after it was last active, not ${settings.sessionIdleTimeout}`;
}

export function causeOfEnding({ clock, draining, settings }: Observed, session: SeenSession): string | undefined {
  const { causes, createdAt, endedAt, opened, opening, reason, server } = session;
  const age = clock.now() - createdAt;
  const has = {
    idle: opened, // `idleCut` says the rest
    deleted: false,
    evicted: settings.whenFull === 'evict-idle',
    lifetime: age >= settings.maxSessionLifetime,
    initializeTimeout: !opened && age >= settings.initializeTimeout,
    crashed: server.failed,
    drained: draining,
    terminated: false,
    unrestorable: false,
    closed:
      server.left || server.refused || ((opening.hungUp || opening.cut) && (!opened || opening.status === undefined)),
  };
  if (reason === undefined) return `${session.id} ends without a reason`;
  return has[reason] || causes.has(reason)
    ? undefined
    : `${session.id} ends as ${reason} at ${endedAt}, which has no cause`;
}

export function fairEviction(observed: Observed, evicted: SeenSession): string | undefined {
  const { sessions, settings } = observed;
  if (evicted.reason !== 'evicted' || evicted.causes.has('evicted')) return undefined;
  if (observed.embedder.lately) return undefined; // room was made, and then somebody made more
  const live = [...sessions.values()].filter((session) => session === evicted || session.state !== 'terminated');
  if (live.length < settings.maxSessions) return `${evicted.id} is evicted though there is room`;
  const count = (principal: string | undefined) => live.filter((session) => session.principal === principal).length;
  const rank = (session: SeenSession) => [
    -count(session.principal),
    session.server.requests > 0 ? 1 : 0,
    session.idleOrder,
  ];
  const goesBefore = (a: SeenSession, b: SeenSession) => {
    const [ranksA, ranksB] = [rank(a), rank(b)];
    const first = ranksA.findIndex((value, index) => value !== ranksB[index]);
    return (ranksA[first] ?? 0) < (ranksB[first] ?? 0);
  };
  if (evicted.stateBefore !== 'idle') return `${evicted.id} is evicted while it is ${evicted.stateBefore}`;
  const other = live.find((session) => session.state === 'idle' && goesBefore(session, evicted));
  return other && `${evicted.id} is evicted, though ${other.id} goes before it`;
}

/** What a client that has left may still come back for holds its session. */
function parkedCalls(observed: Observed, session: SeenSession): { certain: number; possible: number } {
  const { clock, exchanges, settings, streams } = observed;
  const parked = { certain: 0, possible: 0 };
  const late = (clock.nextDue ?? Number.POSITIVE_INFINITY) <= clock.now();
  if (!settings.eventStore || settings.enableJsonResponse) return parked;
  const isConnected = (stream: ClientStream) =>
    exchanges.some((exchange) => exchange.stream === stream && exchange.open && exchange.status === 200);
  for (const stream of streams) {
    if (stream.sessionId !== session.id || isConnected(stream)) continue;
    // A call whose id was used again waits for nobody.
    const { server } = session;
    if (!stream.requests.some(({ id, token }) => server.serves(token) && server.latest.get(id) === token)) continue;
    const over = stream.leftAt + settings.resumeTimeout <= clock.now();
    const sure = stream.begun && !stream.wasSlow && !over && !session.storeFailed && observed.storeOperations === 0;
    if (sure) parked.certain++;
    else if (!over || late || stream.wasSlow) parked.possible++;
  }
  return parked;
}

export function countsInFlight(observed: Observed): string | undefined {
  for (const { id, inFlight, openStreams, state } of observed.supervisor.sessions()) {
    const session = observed.sessions.get(id);
    if (session === undefined) return `Nobody has seen ${id} begin`;
    if ((state === 'idle') !== (inFlight === 0)) return `${id} is ${state} with ${inFlight} in flight`;
    const { certain, possible } = holdsOf(observed, session);
    const streams = certain.filter(({ isStream }) => isStream).length;
    if (openStreams < streams || openStreams > certain.length + possible)
      return `${id} has ${openStreams} streams; seen from outside it is ${streams} to ${certain.length + possible}`;
    const parked = parkedCalls(observed, session);
    const least = certain.length + parked.certain;
    const most = least + possible + parked.possible;
    if (inFlight < least || inFlight > most) {
      const names = certain.map(({ name }) => name).join(', ');
      return `${id} has ${inFlight} in flight; seen from outside it is ${least === most ? least : `${least} to ${most}`} (${names}; ${parked.certain} parked)`;
    }
  }
  return undefined;
}

export function agreement(observed: Observed): string | undefined {
  const { settings, supervisor } = observed;
  const actors = new Map<string | undefined, ReturnType<ActorLike['getSnapshot']>>();
  for (const actor of sessionActors(observed)) {
    const snapshot = actor.getSnapshot();
    const id = snapshot.context?.sessionId;
    if (actors.has(id)) return `There are two actors for ${id}`;
    if (snapshot.status !== 'active') return `The actor of ${id} is kept though it is ${snapshot.status}`;
    actors.set(id, snapshot);
  }
  const principals = new Map<string | undefined, number>();
  const ids = new Set<string>();
  for (const { id, inFlight, principal, state } of supervisor.sessions()) {
    if (ids.has(id)) return `Two sessions have the id ${id}`;
    ids.add(id);
    const actor = actors.get(id);
    if (actor === undefined) return `${id} has no actor`;
    if (actor.value !== state || actor.context?.inFlight !== inFlight)
      return `${id} is ${state}(${inFlight}), its actor ${String(actor.value)}(${actor.context?.inFlight})`;
    const seen = observed.sessions.get(id);
    if (seen?.state !== state) return `${id} is ${state}, and was said to be ${seen?.state}`;
    if (seen.principal !== principal) return `${id} belongs to ${principal}, and was opened by ${seen.principal}`;
    principals.set(principal, (principals.get(principal) ?? 0) + 1);
  }
  if (actors.size !== ids.size) return `There are ${actors.size} actors for ${ids.size} sessions`;
  if (ids.size > settings.maxSessions) return `There are ${ids.size} sessions, more than ${settings.maxSessions}`;
  for (const [principal, count] of principals) {
    if (count > settings.maxSessionsPerPrincipal) return `${principal} has ${count} sessions`;
  }
  const slot = sessionActors(observed).find(({ id }) => Number(id) >= settings.maxSessions);
  if (slot !== undefined) return `There is a slot ${slot.id}: those that are free are not used again`;
  for (const { id, state } of observed.sessions.values()) {
    if (state !== 'terminated' && !ids.has(id)) return `${id} is gone, and nobody was told of its end`;
  }
  return undefined;
}

/** A drain leaves a call time to be answered. */
export function drainedEarly(observed: Observed, session: SeenSession): string | undefined {
  const { clock, drainingSince, settings } = observed;
  if (session.reason !== 'drained' || session.causes.has('drained')) return undefined;
  if (clock.now() >= drainingSince + settings.shutdownTimeout) return undefined;
  const call = holdsOf(observed, session).certain.find(({ stream }) =>
    stream.requests.some(({ id, token }) => session.server.serves(token) && session.server.latest.get(id) === token),
  );
  return call && `${session.id} is drained while ${call.name} could still be answered`;
}

/** The end of a lifetime leaves a call time to be answered; and a drain waits for nothing else. */
export function cutEarly(observed: Observed): string | undefined {
  const { draining, drainingSince, sessions, settings } = observed;
  for (const session of sessions.values()) {
    const { endedAt, id, reason, server, state } = session;
    if (draining && state !== 'terminated' && !mayBeWaitedFor(observed, session))
      return `${id} goes on in a drain, without a call that anybody waits for`;
    const time = Math.min(endedAt, drainingSince) + settings.shutdownTimeout;
    if (reason === 'lifetime' && server.cut > 0 && !server.left && server.closedAt < time)
      return `${server.cut} calls of ${id} are cut ${server.closedAt - endedAt} ms after the end of its lifetime`;
  }
  return undefined;
}

/** Somebody waits for one of its calls, may come back for it, or may be gone and that unnoticed. */
function mayBeWaitedFor({ exchanges, settings }: Observed, { server: { calls } }: SeenSession): boolean {
  if (calls.size === 0) return false;
  if (settings.node || settings.eventStore) return true;
  return exchanges.some(({ open, stream }) => open && stream.requests.some(({ token }) => calls.has(token)));
}

export function leftAfterDrain(observed: Observed): string | undefined {
  const { clock, exchanges, sessions, supervisor } = observed;
  const [session] = supervisor.sessions();
  if (session !== undefined) return `${session.id} is left`;
  if (sessionActors(observed).length > 0) return `${sessionActors(observed).length} actors are left`;
  if (supervisor.actor.getSnapshot().value !== 'stopped') return 'The supervisor is not stopped';
  const [timer] = clock.pending;
  if (timer !== undefined) return `A timer of ${timer.delay} ms is left, due at ${timer.due}`;
  const open = exchanges.find((exchange) => exchange.open && exchange.reading && !exchange.waitsForTurn);
  if (open !== undefined) return `${open.name} (${open.kind}) is left open`;
  for (const { id, server } of sessions.values()) {
    if (server.built && !server.starting && server.closes === 0) return `The server of ${id} is not closed`;
  }
  return modernLeft(observed);
}
