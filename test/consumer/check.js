/**
 * `npm run types:consumer`: compiles `consumer.ts` as a user would who has installed the package, none of its optional
 * peers, and checks declarations too (`skipLibCheck: false`), with `exactOptionalPropertyTypes`. Needs `dist`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the compiler has to find; the rest of what these need they find where they really are. */
const INSTALLED = ['@modelcontextprotocol/sdk', 'xstate', '@types/node'];

/** Declarations of others that do not pass, whoever imports them: xstate is not compiled with that option itself. */
const NOT_OURS = /^\S*node_modules\/xstate\/dist\/declarations\/src\/setup\.d\.ts\(/;

const CONFIG = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'dom'], // the SDK's declarations name types of the browser
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  },
};

const folder = mkdtempSync(join(tmpdir(), 'consumer-'));
try {
  const modules = join(folder, 'node_modules');
  const ours = join(modules, 'mcp-session-supervisor');
  cpSync(join(ROOT, 'dist'), join(ours, 'dist'), {
    recursive: true,
    filter: (path) => !/\.(?:map|html|png|css)$/.test(path),
  });
  cpSync(join(ROOT, 'package.json'), join(ours, 'package.json'));
  for (const name of INSTALLED) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  cpSync(join(ROOT, 'test/consumer/consumer.ts'), join(folder, 'consumer.ts'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
  const wrong = compile().filter((error) => !NOT_OURS.test(error));
  if (wrong.length > 0) {
    process.stderr.write(`${wrong.join('\n')}\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** What the compiler says, one entry for each error. */
function compile() {
  try {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder, timeout: 60_000 });
    return [];
  } catch (error) {
    const { status, stdout } = /** @type {{ status?: number | null, stdout?: Buffer }} */ (error);
    if (typeof status !== 'number' || stdout === undefined) throw error;
    return String(stdout)
      .split(/\n(?=\S)/)
      .filter((text) => text.trim() !== '');
  }
}
