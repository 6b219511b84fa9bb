/** Runs `model-test`: the test, its progress on stderr, its report on stdout. */
import { DiscoveryError, modelTest, restartTest } from '../testing/index.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_USAGE } from './failure.ts';
import type { LineSink } from './journal.ts';
import { type ModelTestFlags, toModelTestOptions } from './modelTestFlags.ts';
import { renderReport } from './modelTestReport.ts';
import { createProgress } from './progress.ts';
import { renderRestartReport } from './restartReport.ts';
import { startCommand } from './startedCommand.ts';
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
  const colour = out.isTTY === true && !env['NO_COLOR'];
  if (flags.restart !== undefined) return runRestartTest(flags, flags.restart, { out, err, colour });
  const progress = createProgress(err, Date.now);
  try {
    const report = await modelTest({
      ...toModelTestOptions(flags),
      onProgress: (done, total, violations) => progress.update(done, total, violations),
    });
    progress.end();
    out.write(flags.json ? `${printableJson(JSON.stringify(report, null, 2))}\n` : renderReport(report, { colour }));
    return report.violations.length === 0 ? 0 : EXIT_FAILURE;
  } catch (error) {
    progress.end();
    throw explained(error);
  }
}

/** Starts, kills and starts the server of the command, and prints what of its sessions is left. */
async function runRestartTest(
  { url, header, slowCall, json }: ModelTestFlags,
  command: string,
  { out, err, colour }: { readonly out: LineSink; readonly err: LineSink; readonly colour: boolean },
): Promise<number> {
  try {
    const report = await restartTest({
      url,
      headers: header,
      slowCall,
      start: async () => startCommand(command, (line) => err.write(`${line}\n`)),
      onProgress: (what) => err.write(`${what}\n`),
    });
    out.write(json ? `${printableJson(JSON.stringify(report, null, 2))}\n` : renderRestartReport(report, { colour }));
    return report.rows.some(({ verdict }) => verdict === 'wrong') ? EXIT_FAILURE : 0;
  } catch (error) {
    throw explained(error);
  }
}

/** Where there is nothing to test, in words. */
function explained(error: unknown): unknown {
  if (!(error instanceof DiscoveryError)) return error;
  const hint = error.code === 'UNAUTHORIZED' ? "; --header 'Authorization: Bearer …' sends a token" : '';
  return new CommandFailure(`${error.message}${hint}`, EXIT_USAGE);
}
