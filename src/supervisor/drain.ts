/**
 * A drain: `accepting → draining → stopped`. The machine says when sessions end and when time is up; this waits until
 * nothing is left.
 */
import { MAX_DELAY, type TimerClock } from '../clock.ts';
import { invalid } from '../errors.ts';
import type { SupervisorEvent } from '../machines/supervisor.ts';
import type { LogEntry, ServerFactory } from '../options.ts';
import type { Reply } from '../transport/exchange.ts';
import { atMost } from './atMost.ts';

/** How long the last answers may take to leave once their sessions have ended, in ms. */
const FLUSH_TIMEOUT = 2_000;

/** What a drain needs of the supervisor. */
export interface Drainable {
  readonly actor: { send(event: SupervisorEvent): void };
  readonly registry: { readonly size: number };
  readonly exchanges: ReadonlySet<Reply>;
  readonly options: { readonly clock: TimerClock; readonly server?: ServerFactory; readonly shutdownTimeout?: number };
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
  const { actor, registry, exchanges, options } = supervisor;
  const sessions = registry.size;
  supervisor.log({
    level: 'info',
    event: 'supervisor.draining',
    message: `Draining: ${sessions} sessions are open`,
    sessions,
  });
  actor.send({ type: 'DRAIN', timeout: timeout === Number.POSITIVE_INFINITY ? null : timeout });
  await supervisor.whenEmpty();
  await closeFactory(supervisor);
  actor.send({ type: 'DRAINED' });
  const flushed = Promise.all(Array.from(exchanges, (exchange) => new Promise<void>((done) => exchange.onClose(done))));
  if (!(await atMost(options.clock, FLUSH_TIMEOUT, flushed))) for (const exchange of exchanges) exchange.destroy();
  supervisor.log({ level: 'info', event: 'supervisor.stopped', message: 'Drained: nothing is left' });
}

/** What the factory holds besides the servers that it built; it gets as long as those. */
async function closeFactory(supervisor: Drainable): Promise<void> {
  const { clock, server, shutdownTimeout = FLUSH_TIMEOUT } = supervisor.options;
  if (typeof server?.close !== 'function') return;
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
