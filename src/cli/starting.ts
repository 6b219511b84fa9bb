/** What is told while a server takes longer to start than people wait without a word. */
import type { Journal } from './journal.ts';
import { formatDuration, printable } from './wording.ts';

/** After so long for the first time, and then again and again, in ms: what is fetched first may take a minute. */
const FIRST = 1_000;
const AGAIN = 15_000;

/** Says that a server is being started, until what is returned is called. `initializeTimeout` in ms. */
export function tellStarting(journal: Journal, label: string, initializeTimeout: number): () => void {
  const started = performance.now();
  const limit = Number.isFinite(initializeTimeout)
    ? `, which may take ${formatDuration(initializeTimeout)} (--initialize-timeout)`
    : '';
  const tell = () => {
    const elapsed = performance.now() - started;
    const since = elapsed < AGAIN ? '' : `, for ${formatDuration(elapsed)}`;
    const message = `starting ${printable(label)}${since}: waiting for it to answer initialize${limit}`;
    journal.aside({ level: 'info', event: 'server.starting', message, elapsed: Math.round(elapsed) });
    timer = setTimeout(tell, AGAIN);
    timer.unref();
  };
  let timer = setTimeout(tell, FIRST);
  timer.unref();
  return () => clearTimeout(timer);
}
