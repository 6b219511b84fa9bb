/** Scripts that once broke an invariant, shrunk from the seeds that found them: each passes, and goes on to pass. */
import { expect, test } from 'vitest';
import { runScript } from '../../src/testing/index.ts';
import { KNOWN_SCRIPTS } from '../mutants/knownScripts.ts';

test.each(KNOWN_SCRIPTS)('$what, seed $seed', async ({ script, spare = 0 }) => {
  const { script: done } = await runScript(script);
  expect(done.commands.length, 'commands that still mean something').toBe(script.commands.length - spare);
});
