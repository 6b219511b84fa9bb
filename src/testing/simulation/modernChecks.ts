/** Checks of requests without sessions: that each is answered by itself, within bounds, and that no session notices. */
import type { SessionEvent } from '../../index.ts';
import { SPOILS } from './modernAsk.ts';
import type { ModernLife } from './modernLife.ts';
import { isServed } from './modernTraffic.ts';
import type { Observed, SeenSession } from './observed.ts';
import type { SimulatedExchange } from './simulatedExchange.ts';

/** An answer that names a session is one of a session. */
export function namesSession(_: Observed, { headers, kind, name }: SimulatedExchange): string | undefined {
  const id = headers.get('mcp-session-id');
  return kind === 'modern' && id !== null ? `${name} has no session, and is answered with the id ${id}` : undefined;
}

/** A session becomes active by a request of its own. */
export function wokenByOther(
  { exchanges }: Observed,
  { id, opening }: SeenSession,
  { type }: SessionEvent,
): string | undefined {
  if (type !== 'session.active') return undefined;
  const has = exchanges.some((exchange) => exchange === opening || exchange.sessionId === id);
  return has ? undefined : `${id} is active, and nobody has sent it anything`;
}

/** What one that is open still waits for; undefined where that is something. */
export function modernWaitsForNothing(observed: Observed, exchange: SimulatedExchange): string | undefined {
  const { isStream, modern } = exchange;
  const life = observed.modern.lifeOf(exchange);
  if (life?.starting || life?.handling !== undefined) return undefined;
  if (modern?.what === 'listen' && isStream && !observed.draining) return undefined;
  return isStream ? 'is open, though all is said' : 'is not answered, though nothing is left to wait for';
}

/** Why it may have been refused, or answered with an error. */
export function modernHasCause(observed: Observed, exchange: SimulatedExchange): boolean {
  const { clock, draining, settings } = observed;
  const { admission, error = '', modern, pipelined, sentAt, status } = exchange;
  const life = observed.modern.lifeOf(exchange);
  const waited = clock.now() - sentAt;
  if (status === 408) return draining || waited >= settings.requestBodyTimeout;
  if (status === 403) return exchange.denied;
  if (status === 503 && error.includes('shutting down')) return draining;
  if (!settings.modern) return status === 400 && error.includes('Unsupported protocol version');
  switch (status) {
    case 200:
      return modern?.spoil === undefined && admission?.full !== true && admission?.principalFull !== true;
    case 400:
    case 404:
      return modern?.spoil !== undefined && status === SPOILS[modern.spoil];
    case 429:
      return admission?.principalFull ?? true;
    case 500:
      return life?.failed === true;
    case 503:
      if (error.includes('too many servers')) return aliveOf(observed).length >= 2 * settings.maxModernRequests;
      return error.includes('too many requests') && (admission?.full ?? true);
    case 504:
      // On a connection with others it comes late, and the factory may be through by then.
      return (life?.starting === true || pipelined) && waited >= settings.initializeTimeout;
    default:
      return false;
  }
}

/** A call whose client is there is told to stop by nobody, before a drain's time is up; one whose client has left is. */
export function cancelledByLeaving(observed: Observed): string | undefined {
  const { clock, drainingSince, modern, settings, supervisor } = observed;
  const isStopped = supervisor.actor.getSnapshot().status === 'stopped';
  for (const { exchange, handling } of modern.lives) {
    if (handling === undefined) continue;
    const { hungUp, name, pipelined } = exchange;
    const isTold = handling.signal.aborted;
    if (hungUp && !pipelined && !isTold) return `${name} has left, and its handler works on`;
    if (!isTold || !exchange.open || !exchange.reading || pipelined) continue;
    if (isStopped || clock.now() >= drainingSince + settings.shutdownTimeout) continue;
    return `${name} waits for its answer, and its handler is told to stop`;
  }
  return undefined;
}

/** A drain leaves calls their time. */
export function modernCutEarly({
  clock,
  drainingSince,
  exchanges,
  modern,
  settings,
  supervisor,
}: Observed): string | undefined {
  if (clock.now() >= drainingSince + settings.shutdownTimeout) return undefined;
  if (supervisor.actor.getSnapshot().status === 'stopped') return undefined;
  for (const exchange of exchanges) {
    const [response] = exchange.stream.requests[0]?.responses ?? [];
    const isCut =
      response?.error?.message.includes('shutting down') === true || exchange.error?.includes('shutting down');
    if (isCut && exchange.kind === 'modern' && modern.lifeOf(exchange)?.built)
      return `${exchange.name} is cut by a drain`;
  }
  return undefined;
}

/** Those whose servers are being built, in use, or being closed, and that not for longer than anybody waits for it. */
function aliveOf({ modern }: Observed): ModernLife[] {
  return modern.lives.filter(
    ({ built, cleanups, closing, starting }) => starting || closing || (built && cleanups === 0),
  );
}

/** There are no more than there may be. */
export function tooManyModern(observed: Observed): string | undefined {
  const { exchanges, settled, settings } = observed;
  const { maxModernRequests, maxModernRequestsPerPrincipal } = settings;
  if (!settings.modern) return undefined;
  const working = observed.modern.lives.filter(
    ({ built, closes, exchange, starting }) =>
      exchange.open && exchange.reading && (starting || (built && closes === 0)),
  );
  if (working.length > maxModernRequests) return `${working.length} requests without sessions are served`;
  if (!settled) return undefined;
  const served = exchanges.filter((exchange) => isServed(exchange) && exchange.reading && !exchange.waitsForTurn);
  if (served.length > maxModernRequests) return `${served.length} requests without sessions are let in`;
  for (const { principal } of served) {
    const own = served.filter((other) => other.principal === principal).length;
    if (own > maxModernRequestsPerPrincipal) return `${own} requests without sessions of ${principal} are let in`;
  }
  return undefined;
}

/** What is counted is what there is. */
export function modernCounts(observed: Observed): string | undefined {
  const { exchanges, modern, sessions, settings, supervisor } = observed;
  const stats = supervisor.stats();
  const isBehind = ({ found, modern: ask, open, pipelined }: SimulatedExchange) => ask && found && open && pipelined;
  const all = settings.modern ? exchanges.filter((exchange) => isServed(exchange) || isBehind(exchange)) : [];
  const sure = all.filter(({ reading, uploading, waitsForTurn }) => reading && !uploading && !waitsForTurn);
  const isListen = ({ modern: ask }: SimulatedExchange) => ask?.what === 'listen';
  const listens = [...supervisor.listenStreams()];
  const wrong = outside('listen streams', listens.length, sure.filter(isListen).length, all.filter(isListen).length);
  if (wrong !== undefined) return wrong;
  for (const { principal, state } of listens) {
    if (state === 'ended') return 'A listen stream has ended, and is there';
    const has = all.some((exchange) => isListen(exchange) && exchange.principal === principal);
    if (!has) return `A listen stream belongs to ${principal}, and nobody of that name has one`;
  }
  // The rest is those of sessions; what has ended and still waits for its calls has some that nobody lists.
  const lives = [...sessions.values()];
  const going = lives.some(({ server, state }) => state === 'terminated' && (server.calls.size > 0 || server.closing));
  if (going) return undefined;
  const calls = lives.reduce((sum, { server }) => sum + server.calls.size, 0);
  const failed = lives.some(({ server }) => server.failed);
  const notListening = (exchange: SimulatedExchange) => !isListen(exchange);
  const least = sure.filter(notListening).length + (failed ? 0 : calls);
  const most = all.filter(notListening).length + calls;
  const wrongCalls = outside('calls', stats.calls, least, most);
  if (wrongCalls !== undefined) return wrongCalls;
  let inSessions = 0;
  for (const { openStreams } of supervisor.sessions()) inSessions += openStreams;
  const streaming = ({ isStream }: SimulatedExchange) => isStream;
  const fewest = inSessions + sure.filter(streaming).length;
  // Of what has ended, or was left, somebody may not have noticed yet who waits for its reader, or for its turn.
  const unnoticed = exchanges.filter(({ hungUp, isStream, kind, pipelined, reading }) =>
    kind === 'modern' ? hungUp : pipelined || (isStream && !reading),
  ).length;
  const wrongStreams = outside('streams', stats.streams, fewest, inSessions + all.length + unnoticed);
  if (wrongStreams !== undefined) return wrongStreams;
  // On a connection with others a request is open, seen from outside, although nobody waits for its factory any more.
  const starting = modern.lives.filter(
    ({ exchange, starting }) => starting && exchange.open && !exchange.pipelined,
  ).length;
  return starting > stats.servers.starting
    ? `${starting} servers start, and ${stats.servers.starting} are counted`
    : undefined;
}

function outside(what: string, counted: number, least: number, most: number): string | undefined {
  return counted < least || counted > most
    ? `${counted} ${what} are counted; seen from outside it is ${least === most ? least : `${least} to ${most}`}`
    : undefined;
}

/** Who listens and reads has been told of all that was published while he did. */
export function untold({ modern }: Observed): string | undefined {
  for (const { acknowledged, due, exchange } of modern.listens) {
    const { hungUp, isStream, name, reading, stream } = exchange;
    if (!isStream || hungUp || !reading || stream.wasSlow || exchange.waitsForTurn) continue;
    if (!acknowledged) return `${name} is not told what it listens to`;
    const missing = due.find(({ certain }) => certain);
    if (missing !== undefined) return `${name} is not told that ${missing.what} changed`;
  }
  return undefined;
}

/** A server that was built is closed and cleaned up after, once, when its request is over. */
export function modernServerEnd({ clock, drained, modern, settings }: Observed): string | undefined {
  for (const life of modern.lives) {
    const { built, cleanups, closes, closing, closingSince, exchange, name, startedAt, starting, wantedAt } = life;
    const isWaitedFor = wantedAt < startedAt + settings.initializeTimeout;
    if (drained && closing && isWaitedFor && clock.now() < closingSince + settings.shutdownTimeout)
      return `A drain is over, and the ${name} is still closing`;
    if (cleanups > 1) return `The ${name} is cleaned up after ${cleanups} times`;
    if (!built || starting || closing || exchange.open || exchange.pipelined) continue;
    if (exchange.stream.wasSlow && !exchange.hungUp) continue;
    if (closes === 0 || cleanups === 0)
      return `The ${name} is closed ${closes} times, cleaned up after ${cleanups} times`;
  }
  return undefined;
}

/** After a drain there is nothing left of them. */
export function modernLeft({ modern, supervisor }: Observed): string | undefined {
  const { calls, streams } = supervisor.stats();
  if (calls + streams > 0) return `${calls} calls and ${streams} streams are counted`;
  const [listen] = supervisor.listenStreams();
  if (listen !== undefined) return `A listen stream of ${listen.principal} is left`;
  for (const { built, closes, name, starting } of modern.lives) {
    if (built && !starting && closes === 0) return `The ${name} is not closed`;
  }
  return undefined;
}
