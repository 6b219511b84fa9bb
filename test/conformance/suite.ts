/** A run of the official suite: all that it has for servers of our revision, read from the files that it writes. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RESULTS, runClient } from './clients.ts';
import { type Check, judge, type Verdict } from './verdict.ts';

const SUITE = '@modelcontextprotocol/conformance/dist/index.js';
const REVISION = '2025-11-25';
const SCENARIO_WITHIN = 15_000;
const SUITE_WITHIN = 60_000;

/** The suite names a folder by the scenario and the time. */
const FOLDER = /^server-(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/;

export async function runSuite(url: string): Promise<Verdict[]> {
  const results = new URL('suite/', RESULTS);
  await rm(results, { recursive: true, force: true });
  await mkdir(results, { recursive: true });
  const options = ['--timeout', String(SCENARIO_WITHIN), '--output-dir', fileURLToPath(results)];
  const args = ['server', '--url', url, '--requirements', REVISION, ...options];
  const { code, stdout, stderr } = await runClient(SUITE, args, SUITE_WITHIN);

  const ran = new Map<string, Check[]>();
  for (const folder of await readdir(results)) {
    const scenario = FOLDER.exec(folder)?.[1] ?? folder;
    ran.set(scenario, JSON.parse(await readFile(new URL(`${folder}/checks.json`, results), 'utf8')) as Check[]);
  }
  const verdicts = judge(ran);
  if (code === 0 || verdicts.some(({ complaints }) => complaints.length > 0)) return verdicts;
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n');
  return [...verdicts, { scenario: 'the suite itself', succeeded: 0, complaints: [`exit code ${code}\n${said}`] }];
}
