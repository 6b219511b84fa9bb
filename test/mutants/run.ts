/**
 * `npm run mutants`: attacks every mutant with the test kit and prints who died of what. Exits with 1 when one lives, or
 * when a patch no longer fits. `npm run mutants -- NAME` runs those whose name holds NAME.
 *
 * Of what a mutant died last stands in `killers.json`, and is tried first: that saves the time of all that it survives, and
 * decides nothing. `npm run mutants -- --remember` writes down who died of something else.
 */
import { existsSync } from 'node:fs';
import { copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { attack, type Outcome } from './attackProcess.ts';
import { EQUIVALENT } from './equivalent.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { rowThatTells, TABLED_MACHINES, tabledMutants } from './tabledMutants.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const FOLDER = `${ROOT}.artifacts/mutants`;

/** The build as it was when the run began; a later one must not get in between. */
const DIST = `${FOLDER}/original`;

/** The name of the attack of which each mutant died last. */
const KILLERS = `${ROOT}test/mutants/killers.json`;

/** Of what a mutant is attacked by first of which nothing is known: what is about processes, only those attacks find. */
const LIKELY: readonly (readonly [RegExp, string])[] = [
  [/^(stdio|machines\/child)/, 'stdio: '],
  [/^cluster\/link/, 'links: '],
  [/^modern\/(listening|responseWriter)/, 'modern: '],
  [/^(modern|http\/modern)/, 'simulation, seed 1'],
];
const likelyKillerOf = (name: string) => LIKELY.find(([pattern]) => pattern.test(name))?.[1];

const ORIGINAL: Mutant = { name: 'the original', files: new Map() };

async function copyOfDist(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await cp(`${ROOT}dist`, folder, { recursive: true, filter: (path) => !/\.(map|d\.ts)$/.test(path) });
}

/** Has a copy of the build be the mutant for as long as it is attacked: to copy it for each would take longer. */
async function attackMutant(folder: string, { files }: Mutant, first: string | undefined): Promise<Outcome> {
  for (const [file, text] of files) await writeFile(`${folder}/${file}`, text);
  const outcome = await attack(DIST, folder, first);
  for (const file of files.keys()) {
    if (existsSync(`${DIST}/${file}`)) await copyFile(`${DIST}/${file}`, `${folder}/${file}`);
    else await rm(`${folder}/${file}`);
  }
  return outcome;
}

/** Those of machines that have a table, which are looked at in this process. Returns how many there are, and how many live. */
function runTabledMutants(wanted: string | undefined): { readonly count: number; readonly wrong: number } {
  const sum = { count: 0, wrong: 0 };
  for (const tabled of TABLED_MACHINES) {
    const mutants = tabledMutants(tabled).filter(({ name }) => !wanted || name.includes(wanted));
    if (mutants.length === 0) continue;
    const told = rowThatTells(tabled, tabled.machine);
    if (told !== undefined) throw new Error(`The machine of ${tabled.name} is not what its table says: ${told}`);
    const living = mutants.filter(({ make }) => rowThatTells(tabled, make()) === undefined);
    for (const { name } of living) console.log(`WRONG lives   ${name}`);
    const killed = mutants.length - living.length;
    console.log(`${killed} of ${mutants.length} mutants of the machine of ${tabled.name} are told by its table`);
    sum.count += mutants.length;
    sum.wrong += living.length;
  }
  return sum;
}

async function main(remembers: boolean, wanted: string | undefined): Promise<number> {
  await copyOfDist(DIST);
  const all = await mutantsOf(DIST);
  for (const name of Object.keys(EQUIVALENT)) {
    if (!all.some((mutant) => mutant.name === name)) throw new Error(`There is no mutant "${name}" any more`);
  }
  const mutants = all.filter(({ name }) => !Object.hasOwn(EQUIVALENT, name) && (!wanted || name.includes(wanted)));
  const tabled = runTabledMutants(wanted);
  const queue = [...[ORIGINAL, ...mutants].entries()];
  const known = JSON.parse(await readFile(KILLERS, 'utf8')) as Record<string, string>;
  const changed = new Map<string, string>();
  let { wrong } = tabled;
  const work = async (_: unknown, worker: number) => {
    const folder = `${FOLDER}/subjects/${worker}`;
    await copyOfDist(folder);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, mutant] = next;
      const { by, finding, failure, ms } = await attackMutant(
        folder,
        mutant,
        known[mutant.name] ?? likelyKillerOf(mutant.name),
      );
      const isWrong = failure !== undefined || (finding === undefined) === (mutant !== ORIGINAL);
      if (isWrong) wrong++;
      else if (by !== undefined && mutant !== ORIGINAL && by !== known[mutant.name]) changed.set(mutant.name, by);
      const number = `${String(index).padStart(3)}/${mutants.length}`;
      const seconds = `${(ms / 1_000).toFixed(1).padStart(5)} s`;
      const verdict = failure !== undefined ? 'failed' : finding === undefined ? 'lives ' : 'killed';
      const cause = failure ?? (finding === undefined ? '' : `${by}: ${finding}`);
      console.log(`${number} ${seconds}  ${isWrong ? 'WRONG ' : ''}${verdict}  ${mutant.name.padEnd(72)} ${cause}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const [name, reason] of Object.entries(EQUIVALENT)) console.log(`  equivalent    ${name.padEnd(72)} ${reason}`);
  if (remembers) {
    const entries = [...Object.entries(known), ...changed].filter(([name]) =>
      all.some((mutant) => mutant.name === name),
    );
    const byName = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeFile(KILLERS, `${JSON.stringify(byName, null, 2)}\n`);
  } else if (changed.size > 0) {
    console.log(`\n${changed.size} died of something else than killers.json says: npm run mutants -- --remember`);
  }
  console.log(`\n${mutants.length + tabled.count + 1 - wrong} passed, ${wrong} failed`);
  return wrong === 0 ? 0 : 1;
}

const { values, positionals } = parseArgs({ options: { remember: { type: 'boolean' } }, allowPositionals: true });
process.exitCode = await main(values.remember === true, positionals[0]);
