/** Simulated time for the supervisor's `clock` option: XState's clock, and a way to let time pass. */
import { SimulatedClock } from 'xstate';
import { turns } from './until.ts';

export { SimulatedClock };

/** Loop turns after each step: enough for what a timer starts (a teardown, a socket's end) to take effect. */
const SETTLE_TURNS = 3;

/**
 * Lets `ms` of simulated time pass and then what follows from it happen.
 * XState's clock jumps: a timer that is set while another fires starts at the jump's end. Pass `step` to go there in
 * small jumps, where timers set one another (keep-alives, chained delays).
 */
export async function advance(clock: SimulatedClock, ms: number, step = ms): Promise<void> {
  let left = ms;
  do {
    const jump = Math.min(step, left);
    clock.increment(jump);
    left -= jump;
    await turns(SETTLE_TURNS);
  } while (left > 0);
}
