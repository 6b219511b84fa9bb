/**
 * `npm run peers:stdio`: judges every case with every gateway, one after the other, and writes docs/stdio-report.md. With
 * numbers of cases or names of gateways as arguments only these, and prints instead of writing.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installPeers, nodeVersion, versionsOf } from '../peerReport/installed.ts';
import { ROOT } from '../root.ts';
import type { Case } from './caseKind.ts';
import { CASES } from './cases.ts';
import { GATEWAYS, type Gateway } from './gateways.ts';
import { type Finding, type Tested, toMarkdown } from './markdown.ts';
import { NotThatFar } from './running.ts';
import { DoesNotApply, Trial } from './trial.ts';

const REPORT = new URL('docs/stdio-report.md', ROOT);
/** The bound of a case, in ms; its waits have bounds of their own. */
const CASE_WITHIN = 150_000;

async function judge({ judge: judged }: Case, gateway: Gateway): Promise<Finding | undefined> {
  if (typeof judged === 'string') return undefined;
  const trial = new Trial(gateway);
  const patience = new AbortController();
  try {
    const bound = delay(CASE_WITHIN, undefined, { signal: patience.signal }).then(() => {
      throw new NotThatFar(`not done within ${CASE_WITHIN / 1000} s`);
    });
    await Promise.race([judged(trial), bound.catch((error: unknown) => rethrow(error))]);
  } catch (error) {
    if (error instanceof DoesNotApply) return { verdict: 'does not apply', text: error.message };
    if (!(error instanceof NotThatFar)) throw error;
    trial.wrong.push(error.message);
  } finally {
    patience.abort();
    await trial.cleanUp();
  }
  if (trial.wrong.length > 0) return { verdict: 'wrong', text: trial.wrong.join('; ') };
  return { verdict: 'right', text: trial.saw.join('; ') };
}

function rethrow(error: unknown): void {
  if (error instanceof NotThatFar) throw error;
}

const wanted = process.argv.slice(2);
const numbers = wanted.filter((text) => /^\d+$/.test(text)).map(Number);
const names = wanted.filter((text) => !/^\d+$/.test(text));
const cases = CASES.filter(({ number }) => numbers.length === 0 || numbers.includes(number));
const gateways = GATEWAYS.filter(({ name }) => names.length === 0 || names.includes(name));

await installPeers();
const tested: Tested[] = [];
for (const gateway of gateways) {
  const [version = ''] = await versionsOf(gateway.package === undefined ? [] : [gateway.package]);
  const findings = new Map<number, Finding>();
  for (const one of cases) {
    const start = Date.now();
    const finding = await judge(one, gateway);
    if (finding === undefined) continue;
    findings.set(one.number, finding);
    const took = `${((Date.now() - start) / 1000).toFixed(1)} s`;
    console.log(`${gateway.name} ${one.number}: ${finding.verdict}: ${finding.text} (${took})`);
  }
  tested.push({ gateway, version, node: await nodeVersion(gateway.newerNode), findings });
}
const markdown = toMarkdown(cases, tested, new Date().toISOString().slice(0, 10));
if (wanted.length > 0) {
  console.log(`\n${markdown}`);
} else {
  await writeFile(REPORT, markdown);
  console.log(`written: ${fileURLToPath(REPORT)}`);
}
