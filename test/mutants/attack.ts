/**
 * Attacks one build of the package with the test kit of another, until something is found:
 * `node attack.js <kit> <subject> [<first>]`, both folders of built code, and the name of the attack to begin with, or the
 * beginning of the names of several. It tells
 * what it does on file descriptor 3, line by line: each attack that begins, and its verdict. One that ends without a
 * verdict has failed itself, and says nothing of what it attacked.
 */
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { ATTACKS } from './attackList.ts';
import type { Attack, Kit, Subject } from './attacks.ts';
import type { StdioModules } from './stdioModules.ts';
import type { Told } from './told.ts';

const [kitFolder = '', subjectFolder = '', first] = process.argv.slice(2);
const load = async <T>(folder: string, file: string): Promise<T> =>
  (await import(pathToFileURL(`${folder}/${file}`).href)) as T;

function tell(told: Told): void {
  writeSync(3, `${JSON.stringify(told)}\n`);
}

let isOver = false;

function found(what: string, finding: unknown): never {
  isOver = true;
  const text = finding instanceof Error ? finding.message : String(finding);
  tell({ finding: `${what}${text.split('\n')[0]?.slice(0, 160)}` });
  process.exit(0);
}

const kit = await load<Kit>(kitFolder, 'testing/index.js');
const subject = {
  ...(await load<Subject>(subjectFolder, 'index.js')),
  ...(await load<Subject>(subjectFolder, 'node.js')),
  stdio: async () => {
    const files = ['stdioServer', 'stdioOptions', 'launcher', 'processGroup'];
    const loading = Promise.all(files.map((file) => load<StdioModules>(subjectFolder, `stdio/${file}.js`)));
    const modules = await loading.catch((error: unknown) => {
      // What can't be loaded is no mutant, and no attack has found anything.
      console.error(error);
      isOver = true;
      return process.exit(1);
    });
    return Object.assign({}, ...modules) as StdioModules;
  },
  folder: subjectFolder,
};

process.on('uncaughtException', (error) => found('uncaught: ', error));
process.on('unhandledRejection', (error) => found('unhandled: ', error));
// Nothing is left that could go on, and an attack still waits: as whoever uses the subject would, for ever.
process.on('exit', () => {
  if (!isOver) found('', 'waits for what cannot come');
});

const isFirst = ({ name }: Attack) => first !== undefined && name.startsWith(first);
const inOrder = [...ATTACKS.filter(isFirst), ...ATTACKS.filter((attack) => !isFirst(attack))];
for (const { name, run } of inOrder) {
  tell({ begins: name });
  const finding = await run(kit, subject).catch((error: unknown) => error ?? 'an attack that rejects with nothing');
  if (finding !== undefined) found('', finding);
}
isOver = true;
tell({ finding: null });
process.exit(0);
