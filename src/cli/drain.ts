/** The end of serving: calls in flight finish, every session ends, the sockets close; and it is told what happened. */
import type { SessionSupervisor } from '../index.ts';
import type { Endpoint } from './endpoint.ts';
import type { Journal } from './journal.ts';
import type { SessionTally } from './lifecycle.ts';
import { formatDuration, plural } from './wording.ts';

interface Draining {
  readonly supervisor: SessionSupervisor;
  readonly endpoint: Endpoint;
  readonly journal: Journal;
  readonly tally: () => SessionTally;
  /** In ms. */
  readonly shutdownTimeout: number;
  /** How long it is not ready before anything is refused, in ms. */
  readonly drainDelay: number;
}

/** Drains and closes; `cause` is who wanted that. Resolves to whether every call got the time it needed. */
export async function drain(draining: Draining, cause: string): Promise<boolean> {
  const { supervisor, endpoint, journal, tally, shutdownTimeout, drainDelay } = draining;
  // What begins later has begun when this goes on.
  const begun = drainDelay > 0 ? await leave(draining, cause) : undefined;
  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  const before = tally();
  const waiting = [...endpoint.calls];
  let cut = 0;
  for (const response of waiting) {
    // What is still unanswered when the time is up ends because of it. Node's timers round to the millisecond.
    response.once('close', () => {
      if (elapsed() >= shutdownTimeout - 1) cut++;
    });
  }
  const limit = formatDuration(shutdownTimeout);
  const waits =
    waiting.length === 0
      ? 'nothing in flight'
      : `waiting up to ${limit} for ${plural(waiting.length, 'call')} in flight`;
  journal.write({
    level: 'info',
    event: 'supervisor.draining',
    message: `${cause}: draining ${plural(before.open, 'session')}, ${waits}; a second signal exits at once, the same one after 0.5s`,
    signal: cause,
    sessions: before.open,
    calls: waiting.length,
  });
  // The socket stays open meanwhile: a call may wait for an answer that its client has yet to send.
  await (begun?.drained ?? supervisor.drain({ timeout: shutdownTimeout }));
  // What another node answers meanwhile is a call too, and gets what is left of the time.
  const left = supervisor.stats().cluster === undefined ? 0 : shutdownTimeout - elapsed();
  for (const response of await endpoint.close(left)) if (!waiting.includes(response)) cut++;
  const took = elapsed();
  const after = tally();
  const ended = after.ended - before.ended;
  const parked = after.parked - before.parked;
  const kept = parked === 0 ? '' : `${plural(parked, 'session')} kept for the next start, `;
  const calls = cut === 0 ? 'no call was cut off' : `${plural(cut, 'call')} cut off by --shutdown-timeout`;
  journal.write({
    level: cut === 0 ? 'info' : 'warn',
    event: 'supervisor.stopped',
    message: `stopped after ${formatDuration(took)}: ${kept}${plural(ended, 'session')} ended, ${calls}`,
    parked,
    ended,
    cut,
    took: Math.round(took),
  });
  return cut === 0;
}

/** Is not ready from now on, and serves all that still comes. Resolves when the drain has begun, to what it comes to. */
async function leave(draining: Draining, cause: string): Promise<{ readonly drained: Promise<void> }> {
  const { supervisor, journal, shutdownTimeout: timeout, drainDelay: delay } = draining;
  journal.write({
    level: 'info',
    event: 'supervisor.leaving',
    message: `${cause}: not ready from now on, draining in ${formatDuration(delay)} (--drain-delay); a second signal drains at once`,
    signal: cause,
    delay,
  });
  const drained = supervisor.drain({ timeout, delay });
  await new Promise<void>((resolve) => {
    const watching = supervisor.actor.subscribe({
      next: ({ value }) => {
        if (value === 'accepting') return;
        watching.unsubscribe();
        resolve();
      },
    });
  });
  return { drained };
}
