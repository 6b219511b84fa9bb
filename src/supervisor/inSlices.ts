/** Work on many that leaves the event loop alive. */
import { nextTurn } from '../clock.ts';

/** How many are worked on in one turn of the event loop. */
const SLICE = 100;

/**
 * Does something to each of many, from the next turn of the event loop on, a slice in each.
 * @param pace What is waited for before a slice, where it is to be waited for.
 */
export function inSlices<T>(many: Iterable<T>, act: (one: T) => void, pace?: () => Promise<unknown> | undefined): void {
  const rest = many[Symbol.iterator]();
  const slice = () => {
    for (let n = 0; n < SLICE; n++) {
      const { done, value } = rest.next();
      if (done) return;
      act(value);
    }
    next();
  };
  const next = () => {
    const paced = pace?.();
    if (paced === undefined) nextTurn(slice);
    else void paced.then(() => nextTurn(slice));
  };
  next();
}
