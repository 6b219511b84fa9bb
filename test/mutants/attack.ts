/**
 * Attacks one build of the package with the test kit of another: exits with 0 when nothing was found, with 1 and the
 * finding when something was. `node attack.js <kit> <subject>`, both folders of built code.
 */
import { pathToFileURL } from 'node:url';
import { type Kit, PATH_ATTACKS, type Subject } from './attacks.ts';
import { EDGE_ATTACKS } from './edgeAttacks.ts';
import { FAULT_ATTACKS } from './faultAttacks.ts';
import { RESTART_ATTACK, WRITE_ATTACK } from './restartAttacks.ts';
import { SIMULATION_ATTACK } from './simulationAttack.ts';
import { SUPERVISOR_ATTACKS } from './supervisorAttacks.ts';

const [kitFolder = '', subjectFolder = ''] = process.argv.slice(2);
const load = async <T>(folder: string, file: string): Promise<T> =>
  (await import(pathToFileURL(`${folder}/${file}`).href)) as T;

function found(what: string, finding: unknown): never {
  const text = finding instanceof Error ? finding.message : String(finding);
  process.stdout.write(`${what}: ${text.split('\n')[0]?.slice(0, 160)}\n`);
  process.exit(1);
}

process.on('uncaughtException', (error) => found('uncaught', error));
process.on('unhandledRejection', (error) => found('unhandled', error));

const kit = await load<Kit>(kitFolder, 'testing/index.js');
const subject = {
  ...(await load<Subject>(subjectFolder, 'index.js')),
  ...(await load<Subject>(subjectFolder, 'node.js')),
};
for (const { name, run } of [
  ...PATH_ATTACKS,
  ...FAULT_ATTACKS,
  ...EDGE_ATTACKS,
  WRITE_ATTACK,
  RESTART_ATTACK,
  SIMULATION_ATTACK,
  ...SUPERVISOR_ATTACKS,
]) {
  const finding = await run(kit, subject).catch((error: unknown) => error);
  if (finding !== undefined) found(name, finding);
}
process.exit(0);
