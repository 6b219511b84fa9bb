/** Many simulations of our own supervisor, one after the other. */
import { simulate } from '../../src/testing/index.ts';

/** Simulates one seed after the other until so many steps are done. A failure shows its trace and its seed. */
export async function search(firstSeed: number, steps: number): Promise<number> {
  let done = 0;
  for (let seed = firstSeed; done < steps; seed++) done += (await simulate({ seed })).script.commands.length;
  return done;
}
