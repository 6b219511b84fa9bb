/**
 * `npm run mutants`: attacks every mutant with the test kit and prints who died of what. Exits with 1 when one lives, or
 * when a patch no longer fits. `npm run mutants -- NAME` runs those whose name holds NAME.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AnyStateMachine } from 'xstate';
import { EQUIVALENT } from './equivalent.ts';
import { machineMutants } from './machineMutants.ts';
import { PATCHES } from './patches.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = `${ROOT}.artifacts/mutants`;

/** The build as it was when the run began; a later one must not get in between. */
const DIST = `${FOLDER}/original`;
const KIT = fileURLToPath(new URL('.', import.meta.url));

/** How long the attacks on one mutant may take, in ms; one that is never found to be wrong takes a fraction of it. */
const LIMIT = 300_000;

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

/** What killed the mutant; undefined when it lives. */
async function attack(folder: string): Promise<string | undefined> {
  // What goes wrong on purpose is warned of, thousands of times.
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  const child = spawn(process.execPath, [`${KIT}attack.js`, DIST, folder], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (code === 0) return undefined;
  return code === null ? `hung for ${LIMIT / 1_000} s` : (output.trim().split('\n')[0] ?? `exit code ${code}`);
}

async function main(wanted: string | undefined): Promise<number> {
  for (const folder of [DIST, `${FOLDER}/subjects`]) await rm(folder, { recursive: true, force: true });
  await cp(`${ROOT}dist`, DIST, { recursive: true });
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
  let living = 0;
  let next = 0;
  const work = async () => {
    while (next < queue.length) {
      const index = next++;
      const mutant = queue[index];
      if (mutant === undefined) return;
      const folder = `${FOLDER}/subjects/${index}`;
      await cp(DIST, folder, { recursive: true });
      await mutant.write(folder);
      const cause = await attack(folder);
      await rm(folder, { recursive: true });
      const wrong = (cause === undefined) === (mutant !== original);
      if (wrong) living++;
      const verdict = cause === undefined ? 'lives ' : 'killed';
      console.log(
        `${String(index).padStart(3)}/${mutants.length} ${wrong ? 'WRONG ' : ''}${verdict}  ${mutant.name.padEnd(72)} ${cause ?? ''}`,
      );
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const [name, reason] of Object.entries(EQUIVALENT)) console.log(`  equivalent    ${name.padEnd(72)} ${reason}`);
  console.log(`\n${queue.length - living} passed, ${living} failed`);
  return living === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv[2]);
