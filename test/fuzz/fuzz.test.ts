/**
 * Random and broken requests over raw sockets against a live server: it never crashes, never answers 5xx for a client's
 * fault, answers every whole request once and in order, leaks nothing, and a healthy client beside it never notices.
 * Here a short run; `npm run fuzz -- --minutes 30 --seed 1` makes a long one.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { counts, lastTranscripts, runScenario } from './run.ts';
import { type Scenario, scenario } from './scenarios.ts';

const RUNS = 100;
const BATCH = 250;
const minutes = Number(process.env['FUZZ_MINUTES'] ?? 0);
const firstSeed = Number(process.env['FUZZ_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
/** Shrinking stops after so long, in ms, and tells what it has. */
const SHRINK_LIMIT = 120_000;

async function fuzz(seed: number, numRuns: number): Promise<void> {
  const property = fc.asyncProperty(scenario, async (each) => {
    const problems = await runScenario(each);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  });
  const result = await fc.check(property, { seed, numRuns, interruptAfterTimeLimit: minutes * 60_000 + SHRINK_LIMIT });
  if (!result.failed || result.counterexample === null) return;
  expect.unreachable(await report(seed, result.counterexample[0], String(result.errorInstance)));
}

/** What a person needs to see and to repeat it. */
async function report(seed: number, shrunk: Scenario, error: string): Promise<string> {
  const again = await runScenario(shrunk);
  const { kind, mode, extras } = shrunk;
  return [
    `FUZZ_SEED=${seed} finds it again.`,
    error,
    `Once more: ${again.length === 0 ? 'all was well' : again.join('\n')}`,
    `A ${kind} scenario, ${mode}, with ${extras.join(', ') || 'no extras'}; the bytes of each connection:`,
    ...lastTranscripts.map((sent) => sent.map((bytes) => JSON.stringify(bytes)).join('\n')),
    JSON.stringify(shrunk),
  ].join('\n');
}

test.runIf(minutes === 0)(`${RUNS} scenarios`, { timeout: SHRINK_LIMIT + 60_000 }, async () => {
  await fuzz(firstSeed, RUNS);
  expect(counts.runs).toBeGreaterThanOrEqual(RUNS);
});

test.runIf(minutes > 0)(`${minutes} minutes`, { timeout: (minutes + 5) * 60_000 }, async () => {
  const begin = performance.now();
  for (let seed = firstSeed; performance.now() - begin < minutes * 60_000; seed++) {
    await fuzz(seed, BATCH);
    const statuses = [...counts.responses].sort(([a], [b]) => a - b).map(([status, n]) => `${status}: ${n}`);
    const rss = Math.round(process.memoryUsage().rss / 1e6);
    const seconds = Math.round((performance.now() - begin) / 1_000);
    process.stdout.write(
      `${seconds} s, seed ${seed}: ${counts.runs} runs, ${counts.requests} requests, ${rss} MB; ${statuses.join(', ')}\n`,
    );
  }
  expect(counts.runs).toBeGreaterThanOrEqual(BATCH);
});
