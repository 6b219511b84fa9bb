/**
 * How long the calls of a path have to last so that each is answered in the step in which the path says so. Only a
 * driver in real time needs to know: it has to say so when it calls.
 */
import type { SessionPath } from './sessionPaths.ts';

/** Time that passes while something is in flight, as a multiple of the idle timeout. */
export const WAIT = 1.5;

/** Time that passes while nothing is in flight, as a multiple of the idle timeout. Twice this is more than one. */
export const REST = 0.6;

/** By the index of the step that begins it, how long a call has to last, in ms, where each step takes `pace` by itself. */
export function planCalls({ steps, timeouts }: SessionPath, pace: number): ReadonlyMap<number, number> {
  const idle = timeouts.sessionIdleTimeout ?? 0;
  const durations = new Map<number, number>();
  const open: { readonly index: number; readonly begun: number }[] = [];
  let now = 0;
  let opening = true;
  const end = () => {
    const call = open.shift();
    if (call !== undefined) durations.set(call.index, now - call.begun);
  };
  for (const [index, { event }] of steps.entries()) {
    if (event.type === 'REQUEST') open.push({ index, begun: now });
    now += pace;
    if (event.type === 'WAIT') now += WAIT * idle;
    if (event.type === 'REST') now += REST * idle;
    if (event.type !== 'RESPONSE') continue;
    // The first response is that of the initialize.
    if (opening) opening = false;
    else end();
  }
  // What is open still when the path is over, or its session ended, is there until the very end.
  while (open.length > 0) {
    now += 5 * pace;
    end();
  }
  return durations;
}
