/** A run of the official suite: all that it has for servers of our revision, read from the files that it writes. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RESULTS, runClient } from './clients.ts';
import { type Check, judge, KNOWN_DEVIATIONS, MODERN_SCENARIOS, type Verdict } from './verdict.ts';

const SUITE = '@modelcontextprotocol/conformance/dist/index.js';
const REVISION = '2025-11-25';
const SCENARIO_WITHIN = 15_000;
const SUITE_WITHIN = 120_000;

/** The suite names a folder by the scenario and the time. */
const FOLDER = /^server-(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/;

const MODERN = '2026-07-28';

/** Scenarios of the revision that are not run: what they test is in an SDK's handlers, or in an extension that it has not. */
const NOT_OURS = /^(?:input-required-result-|tasks-)/;

/** All that it has for servers of the revision without sessions, as far as it is about more than an SDK's handlers. */
export async function runModernSuite(url: string): Promise<Verdict[]> {
  const { ran } = await run(url, MODERN, 'modernSuite/');
  for (const scenario of ran.keys()) if (NOT_OURS.test(scenario)) ran.delete(scenario);
  return judge(ran, MODERN_SCENARIOS, KNOWN_DEVIATIONS).map((verdict) => ({
    ...verdict,
    scenario: `${MODERN}: ${verdict.scenario}`,
  }));
}

export async function runSuite(url: string): Promise<Verdict[]> {
  const { ran, code, said } = await run(url, REVISION, 'suite/');
  const verdicts = judge(ran);
  if (code === 0 || verdicts.some(({ complaints }) => complaints.length > 0)) return verdicts;
  return [...verdicts, { scenario: 'the suite itself', succeeded: 0, complaints: [`exit code ${code}\n${said}`] }];
}

/** What ran, by scenario, and how it ended. */
async function run(url: string, revision: string, folder: string) {
  const results = new URL(folder, RESULTS);
  await rm(results, { recursive: true, force: true });
  await mkdir(results, { recursive: true });
  const options = ['--timeout', String(SCENARIO_WITHIN), '--output-dir', fileURLToPath(results)];
  const args = ['server', '--url', url, '--requirements', revision, ...options];
  const { code, stdout, stderr } = await runClient(SUITE, args, SUITE_WITHIN);

  const ran = new Map<string, Check[]>();
  for (const name of await readdir(results)) {
    const scenario = FOLDER.exec(name)?.[1] ?? name;
    ran.set(scenario, JSON.parse(await readFile(new URL(`${name}/checks.json`, results), 'utf8')) as Check[]);
  }
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n');
  return { ran, code, said };
}
