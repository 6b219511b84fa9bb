/**
 * A drain: `accepting → draining → stopped`. The machine says when sessions end and when time is up; this waits until
 * nothing is left.
 */
import { MAX_DELAY, type TimerClock } from '../clock.ts';
import { invalid } from '../errors.ts';
import type { SupervisorEvent } from '../machines/supervisor.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { Reply } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { atMost } from './atMost.ts';
import type { ClusterNode } from './clusterNode.ts';
import { type DrainStats, drainBegins } from './drainStats.ts';
import { type Patience, STORE_PATIENCE } from './patience.ts';

/** How long the last answers may take to leave once their sessions have ended, in ms. */
const FLUSH_TIMEOUT = 2_000;

/** How long those may take that are answered only then, in ms. */
const LAST_ANSWERS = 500;

/** What a drain needs of the supervisor. */
export interface Drainable {
  readonly actor: { send(event: SupervisorEvent): void };
  readonly registry: { readonly size: number };
  /** Where it is told how far the drain has come. */
  readonly load: { drain: DrainStats | undefined };
  readonly exchanges: ReadonlySet<Reply>;
  readonly options: Pick<ResolvedOptions, 'clock' | 'server' | 'shutdownTimeout'>;
  /** Sessions that have no incarnation; undefined without a session store. */
  readonly shelf:
    | {
        readonly isDurable: boolean;
        readonly records: {
          readonly parked: number;
          readonly patience: Pick<Patience, 'limit' | 'wait' | 'end' | 'isUsedUp'>;
          whenQuiet(): Promise<void>;
          whenFew(): Promise<void> | undefined;
        };
      }
    | undefined;
  /** The node that this process is in a cluster; undefined where it is by itself. */
  readonly cluster?: Pick<ClusterNode, 'leave'> | undefined;
  /** Resolves when there are no sessions and no calls. */
  whenEmpty(): Promise<void>;
  log(entry: LogEntry): void;
}

/** @throws {SupervisorError} `INVALID_OPTION` */
export function checkDrainTimeout(timeout: unknown): void {
  if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return;
  if (typeof timeout === 'number' && timeout >= 0 && timeout <= MAX_DELAY) return;
  invalid('The timeout of a drain', timeout, `a number of milliseconds from 0 to ${MAX_DELAY}, or Infinity`);
}

export async function drain(supervisor: Drainable, timeout: number | undefined): Promise<void> {
  const { actor, registry, shelf } = supervisor;
  const sessions = registry.size;
  const begun = drainBegins(supervisor.options, timeout);
  supervisor.load.drain = begun;
  supervisor.log({
    level: 'info',
    event: 'supervisor.draining',
    message: `Draining: ${sessions} sessions are open`,
    sessions,
  });
  shelf?.records.patience.limit();
  actor.send({ type: 'DRAIN', timeout: timeout === Number.POSITIVE_INFINITY ? null : timeout });
  await supervisor.whenEmpty();
  await closeFactory(supervisor);
  actor.send({ type: 'DRAINED' });
  const left = supervisor.cluster?.leave(shelf?.records.patience.isUsedUp !== true);
  await Promise.all([flush(supervisor), storeThrough(supervisor), left]);
  shelf?.records.patience.end();
  supervisor.load.drain = { ...begun, phase: 'stopped' };
  supervisor.log(farewell(supervisor));
}

/**
 * What is waited for before more sessions are parked: the store is asked for no more than it gets done, or what is urgent,
 * such as the renewal of a lease, waits behind thousands. A store that gets nothing done is not waited for.
 */
export function paceOf({ shelf }: Pick<Drainable, 'shelf'>): () => Promise<void> | undefined {
  let isWaitedFor = shelf?.isDurable === true;
  return () => {
    const few = isWaitedFor ? shelf?.records.whenFew() : undefined;
    return (
      few &&
      shelf?.records.patience.wait(STORE_PATIENCE, few).then((inTime) => {
        isWaitedFor &&= inTime;
      })
    );
  };
}

/** Waits until the last answers have left. What has none yet may wait for the store, and is waited for as long as that. */
async function flush({ exchanges, options, shelf }: Drainable): Promise<void> {
  const { clock } = options;
  const flushed = atMost(clock, FLUSH_TIMEOUT, allClosed(exchanges));
  const answered = allClosed([...exchanges].filter(({ answerable }) => answerable));
  const told = shelf?.records.patience
    .wait(STORE_PATIENCE, answered)
    .then((areAnswered) => (areAnswered ? undefined : sendAway(exchanges, clock)));
  const areFlushed = await flushed;
  await told;
  if (areFlushed) return;
  for (const exchange of exchanges) if (!exchange.answerable) exchange.destroy();
  await sendAway(exchanges, clock);
}

/** Who still waits for an answer, which a store keeps back, hears why. */
async function sendAway(exchanges: ReadonlySet<Reply>, clock: TimerClock): Promise<void> {
  const waiting = [...exchanges].filter(({ answerable }) => answerable);
  for (const exchange of waiting) refuse(exchange, 'draining');
  if (waiting.length > 0) await atMost(clock, LAST_ANSWERS, allClosed(waiting));
  for (const exchange of waiting) exchange.destroy();
}

function allClosed(exchanges: Iterable<Reply>): Promise<unknown> {
  return Promise.all(Array.from(exchanges, (exchange) => new Promise<void>((done) => exchange.onClose(done))));
}

/** Waits for what the store has been asked: a claim, a removal, what a create came to. */
async function storeThrough(supervisor: Drainable): Promise<void> {
  const { shelf } = supervisor;
  if (shelf === undefined) return;
  const { patience } = shelf.records;
  if (await patience.wait(STORE_PATIENCE, shelf.records.whenQuiet())) return;
  const message = 'The session store is not through with what it was asked; it is not waited for any longer';
  supervisor.log({ level: 'warn', event: 'sessionStore.failed', message });
}

function farewell({ shelf }: Drainable): LogEntry {
  const parked = shelf === undefined || shelf.isDurable ? 0 : shelf.records.parked;
  if (parked === 0) return { level: 'info', event: 'supervisor.stopped', message: 'Drained: nothing is left' };
  const message = `Drained: ${parked} sessions are parked in a store that is not durable, and are lost with it`;
  return { level: 'warn', event: 'supervisor.stopped', message, sessions: parked };
}

/** What the factory holds besides the servers that it built; it gets as long as those. */
async function closeFactory(supervisor: Drainable): Promise<void> {
  const { clock, server, shutdownTimeout } = supervisor.options;
  if (typeof server.close !== 'function') return;
  const failed = (error: unknown) =>
    supervisor.log({
      level: 'warn',
      event: 'server.closeFailed',
      message: 'The server factory failed to close',
      error,
    });
  const closed = (async () => server.close?.())().catch(failed);
  if (!(await atMost(clock, shutdownTimeout, closed))) failed(new Error(`It took longer than ${shutdownTimeout} ms`));
}
