/** All mutants of a build: of its statecharts, made from their definitions, and of its code, by name. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AnyStateMachine } from 'xstate';
import { machineMutants } from './machineMutants.ts';
import { PATCHES } from './patches.ts';

const MAKER = fileURLToPath(new URL('./machineMutants.js', import.meta.url));

/** A build in which some files are others. */
export interface Mutant {
  readonly name: string;
  /** Those files, by their paths in the build. */
  readonly files: ReadonlyMap<string, string>;
}

export async function mutantsOf(build: string): Promise<Mutant[]> {
  const machines = [
    ...(await machineMutantsOf(build, 'session', 'sessionMachine')),
    ...(await machineMutantsOf(build, 'partition', 'partitionMachine')),
    ...(await machineMutantsOf(build, 'supervisor', 'supervisorMachine')),
  ];
  const patches = PATCHES.map(async ({ name, file, find, replace: by }) => ({
    name: `${file.replace(/\.js$/, '')}: ${name}`,
    files: new Map([[file, await replaced(build, file, find, by)]]),
  }));
  return [...machines, ...(await Promise.all(patches))];
}

/** The machine's mutant takes the machine's place where the actor tree is wired; the kit keeps the machine itself. */
async function machineMutantsOf(build: string, file: string, machineName: string): Promise<Mutant[]> {
  const module = (await import(pathToFileURL(`${build}/machines/${file}.js`).href)) as Record<string, AnyStateMachine>;
  const machine = module[machineName];
  if (machine === undefined) throw new Error(`There is no ${machineName}`);
  const tree = 'supervisor/sessionTree.js';
  const wired = await replaced(build, tree, `'../machines/${file}.js'`, `'../machines/mutant.js'`);
  return machineMutants(machine).map(({ name }, index) => {
    const source = `import { ${machineName} as original } from './${file}.js';
import { machineMutants } from ${JSON.stringify(pathToFileURL(MAKER).href)};
export const ${machineName} = machineMutants(original)[${index}].make();\n`;
    const files = new Map([
      ['machines/mutant.js', source],
      [tree, wired],
    ]);
    return { name, files };
  });
}

/** A file of the build, with a piece of it replaced. */
async function replaced(build: string, file: string, find: string, by: string): Promise<string> {
  const source = (await readFile(`${build}/${file}`, 'utf8')).replace(/\s+(?=\/\/ )/g, ' ');
  const pattern = find
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\s+');
  const matches = [...source.matchAll(new RegExp(pattern, 'g'))];
  if (matches.length !== 1) throw new Error(`A patch of ${file} fits ${matches.length} times: ${find}`);
  return source.replace(new RegExp(pattern), () => by);
}
