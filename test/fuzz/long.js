/** `npm run fuzz -- [--minutes 5] [--seed 1]`: a long run of the fuzz test, with a line of progress every few seconds. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { FUZZ_MINUTES = '5', FUZZ_SEED = String(Math.trunc(Math.random() * 2 ** 31)) } = process.env;
const options = { minutes: { type: 'string', default: FUZZ_MINUTES }, seed: { type: 'string', default: FUZZ_SEED } };
const { minutes, seed } = parseArgs({ options }).values;
if (!(Number(minutes) > 0) || !Number.isInteger(Number(seed))) {
  throw new Error(`--minutes takes a positive number, --seed a whole one; got ${minutes} and ${seed}`);
}
process.stdout.write(`Fuzzing for ${minutes} minutes; --seed ${seed} repeats it.\n`);
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/fuzz', '--disableConsoleIntercept'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: { ...process.env, FUZZ_MINUTES: minutes, FUZZ_SEED: seed },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
