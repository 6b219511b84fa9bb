/** Runs `model-test`: the test, its progress on stderr, its report on stdout. */
import { DiscoveryError, modelTest } from '../testing/index.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_USAGE } from './failure.ts';
import type { LineSink } from './journal.ts';
import { type ModelTestFlags, toModelTestOptions } from './modelTestFlags.ts';
import { renderReport } from './modelTestReport.ts';
import { createProgress } from './progress.ts';
import { printableJson } from './wording.ts';

interface Output {
  readonly out: LineSink;
  readonly err: LineSink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Tests the server that the flags name, and prints what was found. Resolves to the exit code.
 * @throws {CommandFailure} with exit code 2 where there is nothing to test.
 */
export async function runModelTest(flags: ModelTestFlags, { out, err, env }: Output): Promise<number> {
  const progress = createProgress(err, Date.now);
  try {
    const report = await modelTest({
      ...toModelTestOptions(flags),
      onProgress: (done, total, violations) => progress.update(done, total, violations),
    });
    progress.end();
    const colour = out.isTTY === true && !env['NO_COLOR'];
    out.write(flags.json ? `${printableJson(JSON.stringify(report, null, 2))}\n` : renderReport(report, { colour }));
    return report.violations.length === 0 ? 0 : EXIT_FAILURE;
  } catch (error) {
    progress.end();
    if (!(error instanceof DiscoveryError)) throw error;
    const hint = error.code === 'UNAUTHORIZED' ? "; --header 'Authorization: Bearer …' sends a token" : '';
    throw new CommandFailure(`${error.message}${hint}`, EXIT_USAGE);
  }
}
