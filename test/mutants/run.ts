/**
 * `npm run mutants`: attacks every mutant with the test kit and prints who died of what. Exits with 1 when one lives, or
 * when a patch no longer fits. `npm run mutants -- NAME` runs those whose name holds NAME.
 *
 * Of what a mutant died last stands in `killers.json`, and is tried first: that saves the time of all that it survives, and
 * decides nothing. `npm run mutants -- --remember` writes down who died of something else.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import { EQUIVALENT } from './equivalent.ts';
import { machineMutants } from './machineMutants.ts';
import { PATCHES } from './patches.ts';
import type { Told } from './told.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = `${ROOT}.artifacts/mutants`;

/** The build as it was when the run began; a later one must not get in between. */
const DIST = `${FOLDER}/original`;
const KIT = fileURLToPath(new URL('.', import.meta.url));

/** The name of the attack of which each mutant died last. */
const KILLERS = `${ROOT}test/mutants/killers.json`;

/** How long one attack may take, in ms; on what nothing is wrong with it takes a fraction of it. */
const LIMIT = 120_000;

interface Mutant {
  readonly name: string;
  /** Turns a copy of the built code into the mutant. */
  write(folder: string): Promise<void>;
}

/** The machine's mutant takes the machine's place where the actor tree is wired; the kit keeps the machine itself. */
async function machineMutantsOf(file: string, machineName: string): Promise<Mutant[]> {
  const module = (await import(pathToFileURL(`${DIST}/machines/${file}.js`).href)) as Record<string, AnyStateMachine>;
  const machine = module[machineName];
  if (machine === undefined) throw new Error(`There is no ${machineName}`);
  return machineMutants(machine).map(({ name }, index) => ({
    name,
    async write(folder) {
      const source = `import { ${machineName} as original } from './${file}.js';
import { machineMutants } from ${JSON.stringify(pathToFileURL(`${KIT}machineMutants.js`).href)};
export const ${machineName} = machineMutants(original)[${index}].make();\n`;
      await writeFile(`${folder}/machines/mutant.js`, source);
      await replace(`${folder}/supervisor/sessionTree.js`, `'../machines/${file}.js'`, `'../machines/mutant.js'`);
    },
  }));
}

const patches: Mutant[] = PATCHES.map(({ name, file, find, replace: by }) => ({
  name: `${file.replace(/\.js$/, '')}: ${name}`,
  write: (folder) => replace(`${folder}/${file}`, find, by),
}));

async function replace(file: string, find: string, by: string): Promise<void> {
  const source = (await readFile(file, 'utf8')).replace(/\s+(?=\/\/ )/g, ' ');
  const pattern = find
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\s+');
  const matches = [...source.matchAll(new RegExp(pattern, 'g'))];
  if (matches.length !== 1) throw new Error(`A patch of ${file} fits ${matches.length} times: ${find}`);
  await writeFile(
    file,
    source.replace(new RegExp(pattern), () => by),
  );
}

/** What came of the attacks: which one was the last, what it found if anything, and how long they took together. */
interface Outcome {
  readonly by: string | undefined;
  readonly finding: string | undefined;
  /** It was not found out whether there is something to find: the attacks failed themselves. */
  readonly failure: string | undefined;
  readonly ms: number;
}

/** Attacks a folder in a process of its own, with the attack of this name first, if there is one. */
async function attack(folder: string, first: string | undefined): Promise<Outcome> {
  const begin = performance.now();
  // What goes wrong on purpose is warned of, thousands of times.
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  const all = [`${KIT}attack.js`, DIST, folder, ...(first === undefined ? [] : [first])];
  const child = spawn(process.execPath, all, { env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let by: string | undefined;
  let verdict: string | null | undefined;
  const silence = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
    silence.refresh();
    const told = JSON.parse(line) as Told;
    if ('begins' in told) by = told.begins;
    else verdict = told.finding;
  });
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-2_000)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(silence);
  const hung = signal === 'SIGKILL' && by !== undefined ? `goes on for more than ${LIMIT / 1_000} s` : undefined;
  const finding = verdict ?? hung;
  const failure =
    verdict === undefined && hung === undefined
      ? `no verdict, but ${signal ?? `exit code ${code}`}: ${errors}`
      : undefined;
  return { by, finding, failure, ms: performance.now() - begin };
}

async function readKillers(): Promise<Record<string, string>> {
  return JSON.parse(await readFile(KILLERS, 'utf8')) as Record<string, string>;
}

async function main(remember: boolean, wanted: string | undefined): Promise<number> {
  for (const folder of [DIST, `${FOLDER}/subjects`]) await rm(folder, { recursive: true, force: true });
  const runs = (path: string) => !/\.(map|d\.ts)$/.test(path);
  await cp(`${ROOT}dist`, DIST, { recursive: true, filter: runs });
  await mkdir(`${FOLDER}/subjects`, { recursive: true });
  const machines = await Promise.all([
    machineMutantsOf('session', 'sessionMachine'),
    machineMutantsOf('partition', 'partitionMachine'),
    machineMutantsOf('supervisor', 'supervisorMachine'),
  ]);
  const all = [...machines.flat(), ...patches];
  for (const name of Object.keys(EQUIVALENT)) {
    if (!all.some((mutant) => mutant.name === name)) throw new Error(`There is no mutant "${name}" any more`);
  }
  const original: Mutant = { name: 'the original', write: async () => {} };
  const mutants = all.filter(({ name }) => !Object.hasOwn(EQUIVALENT, name) && (!wanted || name.includes(wanted)));
  const queue = [original, ...mutants];
  const known = await readKillers();
  const killers = new Map<string, string>();
  let wrong = 0;
  let next = 0;
  const work = async () => {
    while (next < queue.length) {
      const index = next++;
      const mutant = queue[index];
      if (mutant === undefined) return;
      const folder = `${FOLDER}/subjects/${index}`;
      await cp(DIST, folder, { recursive: true });
      await mutant.write(folder);
      const { by, finding, failure, ms } = await attack(folder, known[mutant.name]);
      await rm(folder, { recursive: true });
      const lives = finding === undefined;
      const isWrong = failure !== undefined || lives === (mutant !== original);
      if (isWrong) wrong++;
      else if (by !== undefined && !lives) killers.set(mutant.name, by);
      const number = String(index).padStart(3);
      const verdict = `${isWrong ? 'WRONG ' : ''}${failure !== undefined ? 'failed' : lives ? 'lives ' : 'killed'}`;
      const cause = failure ?? (lives ? '' : `${by}: ${finding}`);
      console.log(
        `${number}/${mutants.length} ${(ms / 1_000).toFixed(1).padStart(5)} s  ${verdict}  ${mutant.name.padEnd(72)} ${cause}`,
      );
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const [name, reason] of Object.entries(EQUIVALENT)) console.log(`  equivalent    ${name.padEnd(72)} ${reason}`);
  const changed = [...killers].filter(([name, by]) => known[name] !== by).length;
  if (changed > 0 && remember) {
    const kept = Object.entries(known).filter(([name]) => all.some((mutant) => mutant.name === name));
    const entries = [...new Map([...kept, ...killers])].sort(([a], [b]) => (a < b ? -1 : 1));
    await writeFile(KILLERS, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
  }
  if (changed > 0) {
    const hint = remember
      ? 'which killers.json says now'
      : 'npm run mutants -- --remember tries that first from then on';
    console.log(`\n${changed} died of something else than test/mutants/killers.json says: ${hint}`);
  }
  console.log(`\n${queue.length - wrong} passed, ${wrong} failed`);
  return wrong === 0 ? 0 : 1;
}

const { values, positionals } = parseArgs({ options: { remember: { type: 'boolean' } }, allowPositionals: true });
process.exitCode = await main(values.remember === true, positionals[0]);
