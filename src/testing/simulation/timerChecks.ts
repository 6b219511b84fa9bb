/** Checks of timers: which are pending, against which there have to be. */
import type { Observed } from './observed.ts';
import { LINGER_TIME } from './simulatedExchange.ts';
import type { PendingTimer } from './simulationClock.ts';

const MACHINE = ['sessionIdleTimeout', 'initializeTimeout', 'maxSessionLifetime'] as const;

/** The timers of the session machines: one idle timer where nothing is in flight, none where anything is, and so on. */
export function machineTimers({ clock, modern, settings, settled, supervisor }: Observed): string | undefined {
  const pending = clock.pending.filter(({ delay }) => MACHINE.some((name) => settings[name] === delay));
  const expect = (id: string, name: (typeof MACHINE)[number], since: number): string | undefined => {
    if (settings[name] === Number.POSITIVE_INFINITY) return undefined;
    const due = since + settings[name];
    const index = pending.findIndex((timer) => timer.delay === settings[name] && timer.due === due);
    if (index < 0) return `${id} has no timer of ${name}, which would be due at ${due}`;
    pending.splice(index, 1);
    return undefined;
  };
  for (const { createdAt, id, lastActiveAt, state } of supervisor.sessions()) {
    const missing =
      expect(id, 'maxSessionLifetime', createdAt) ??
      (state === 'idle' ? expect(id, 'sessionIdleTimeout', lastActiveAt) : undefined) ??
      (state === 'initializing' ? expect(id, 'initializeTimeout', createdAt) : undefined);
    if (missing !== undefined) return missing;
  }
  // A factory may take as long for a request without a session.
  const lives = [...modern.lives].sort((a, b) => Number(b.exchange.open) - Number(a.exchange.open));
  for (const { exchange, name, startedAt, starting } of lives) {
    if (settled && !starting) continue;
    const missing = expect(name, 'initializeTimeout', startedAt);
    if (settled && exchange.open && !exchange.pipelined && missing !== undefined) return missing;
  }
  const [extra] = pending;
  const name = MACHINE.find((option) => settings[option] === extra?.delay);
  return extra && `A timer of ${name}, due at ${extra.due}, belongs to no session that should have one`;
}

/** The timers beside the machines: bodies, keep-alives, calls that may be resumed, servers that are being closed. */
export function otherTimers(observed: Observed): string | undefined {
  const { clock, draining, exchanges, modern, sessions, settings, storeOperations, streams } = observed;
  const count = (which: (timer: PendingTimer) => boolean) => clock.pending.filter(which).length;
  const of = (delay: number) => count((timer) => timer.delay === delay);
  const open = exchanges.filter((exchange) => exchange.open);

  const waiting = open.filter((exchange) => exchange.waitsForTurn).length;
  const uploads = open.filter(({ found, status, uploading }) => found && uploading && status === undefined).length;
  const bodies = of(settings.requestBodyTimeout);
  // One without a session that a drain has cut short is still read, for as long as it lingers.
  const cut = exchanges.filter(
    (exchange) => exchange.kind === 'modern' && exchange.cutShort && exchange.lingers,
  ).length;
  // One that lingers goes on where the timer that ends it is late.
  const isLate = ({ due }: PendingTimer) => due <= clock.now();
  const overdue = count((timer) => timer.delay === LINGER_TIME && isLate(timer));
  if (bodies > uploads + cut + overdue || bodies < uploads - waiting)
    return `${bodies} timers of requestBodyTimeout for ${uploads} bodies that are coming`;

  const connections = open.filter(({ isStream }) => isStream);
  // Where several requests share a connection, its peer is looked for at the same interval.
  const shared = exchanges.filter(({ lingers, open: isOpen, pipelined }) => pipelined && (isOpen || lingers)).length;
  const keepAlives = of(settings.keepAliveInterval);
  const fewest =
    settings.keepAliveInterval === Number.POSITIVE_INFINITY ? 0 : connections.filter(({ reading }) => reading).length;
  const late = count((timer) => timer.delay === settings.keepAliveInterval && isLate(timer));
  // A call without a session is given a stream when its answer takes so long.
  const unanswered = open.filter(({ kind, status }) => kind === 'modern' && status === undefined).length;
  if (keepAlives < fewest || keepAlives - late > connections.length + unanswered + shared + overdue)
    return `${keepAlives} keep-alive timers for ${fewest} to ${connections.length} streams`;

  const parked = of(settings.resumeTimeout);
  const left = streams.filter((stream) => stream.requests.length > 0).length;
  if (parked > left) return `${parked} timers of resumeTimeout for ${left} calls`;

  const ending = [...sessions.values()].filter(
    ({ server, state }) => state === 'terminated' && (server.starting || server.closing || server.calls.size > 0),
  );
  const shutdowns = of(settings.shutdownTimeout);
  const closing = modern.lives.filter((life) => life.closing || life.starting).length;
  const listening = [...observed.supervisor.listenStreams()].filter(({ state }) => state === 'closing').length;
  if (shutdowns > ending.length + closing + listening + storeOperations + (draining ? 1 : 0))
    return `${shutdowns} timers of shutdownTimeout for ${ending.length} endings`;

  const known: number[] = Object.values(settings).filter((value) => typeof value === 'number');
  const others = clock.pending.filter(({ delay, due }) => !known.includes(delay) && due > clock.now());
  const slow = open.filter((exchange) => !exchange.reading || exchange.waitsForTurn).length;
  const lingering = exchanges.filter(({ lingers }) => lingers).length;
  // What is ended while its timer is being set has that until it is due.
  const strayed = observed.embedder.strayed.has('clock.setTimeout') ? 1 : 0;
  const causes = storeOperations + slow + lingering + strayed + (draining ? 1 : 0);
  if (others.length <= causes) return undefined;
  const delays = others.map(({ delay }) => delay).join(', ');
  return `Nothing calls for timers of ${delays} ms (${causes} things could)`;
}
