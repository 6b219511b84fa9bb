/** The rules of the house: `npm run lint` refuses what breaks them, and accepts what keeps them. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LAYER = 'lint/style/noRestrictedImports';
const CYCLE = 'lint/suspicious/noImportCycles';
const PLUGIN = 'plugin';

interface Finding {
  readonly category: string;
  readonly message: string;
  readonly location: { readonly path: string };
}

interface Linted {
  readonly exitCode: number;
  readonly findings: readonly Finding[];
}

/** Runs the `lint` script's own command line over files that live in a folder of their own, under our configuration. */
async function lint(files: Readonly<Record<string, string>>): Promise<Linted> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'house-')));
  try {
    for (const name of ['.biome', '.gitignore', 'biome.json', 'package.json']) {
      await cp(join(ROOT, name), join(folder, name), { recursive: true });
    }
    for (const [path, source] of Object.entries(files)) {
      await mkdir(join(folder, dirname(path)), { recursive: true });
      await writeFile(join(folder, path), source);
    }
    const [command, ...args] = (await script('lint')).split(' ');
    expect(command).toBe('biome');
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
    const options = { cwd: folder, timeout: 20_000, maxBuffer: 16 * 1024 * 1024 };
    return await new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [biome, ...args, '--reporter=json', '--max-diagnostics=none'],
        options,
        (error, out) => {
          if (error !== null && typeof error.code !== 'number') return reject(error);
          const { diagnostics } = JSON.parse(out) as { diagnostics: Finding[] };
          resolve({ exitCode: error === null ? 0 : Number(error.code), findings: diagnostics });
        },
      );
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function script(name: string): Promise<string> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return scripts[name] ?? '';
}

/** One line that breaks a rule, the file that it would stand in, and the rule that has to refuse it. */
const REFUSED: readonly (readonly [path: string, source: string, rule: string])[] = [
  // Machines are pure.
  ['src/machines/nodeModule.ts', "import 'node:fs';", LAYER],
  ['src/machines/bareNodeModule.ts', "import 'fs';", LAYER],
  ['src/machines/sdk.ts', "import type { Tool } from '@modelcontextprotocol/sdk/types.js';", LAYER],
  ['src/machines/xstateFork.ts', "import 'xstate-fork';", LAYER],
  ['src/machines/errors.ts', "import { SupervisorError } from '../errors.ts';", LAYER],
  ['src/machines/options.ts', "import type { Clock } from '../options.ts';", LAYER],
  ['src/machines/clock.ts', "import type { Clock } from '../clock.ts';", LAYER],
  ['src/machines/detour.ts', "import './../errors.ts';", LAYER],
  ['src/machines/reExport.ts', "export * from '../errors.ts';", LAYER],
  ['src/machines/late.ts', "export const fs = await import('node:fs');", LAYER],
  ['src/machines/templated.ts', 'export const fs = await import(`node:fs`);', PLUGIN],
  ['src/machines/inlineType.ts', "export type Server = import('node:http').Server;", PLUGIN],
  // Imports run one way.
  ['src/errors.ts', "import type { EndReason } from './machines/reasons.ts';", LAYER],
  ['src/clock.ts', "import './errors.ts';", LAYER],
  ['src/options.ts', "import './supervisor/registry.ts';", LAYER],
  ['src/index.ts', "import './cli/main.ts';", LAYER],
  ['src/node.ts', "export * from './inspector/index.ts';", LAYER],
  ['src/stores/toTransport.ts', "import '../transport/connection.ts';", LAYER],
  ['src/transport/toMachines.ts', "import '../machines/session.ts';", LAYER],
  ['src/transport/toSupervisor.ts', "import '../supervisor/registry.ts';", LAYER],
  ['src/transport/toHttp.ts', "import '../http/nodeHandler.ts';", LAYER],
  ['src/transport/detour.ts', "import '../stores/../http/nodeHandler.ts';", LAYER],
  ['src/transport/sockets.ts', "import type { ServerResponse } from 'node:http';", LAYER],
  ['src/transport/loadsStore.ts', "import { MemoryStore } from '../stores/memory.ts';", PLUGIN],
  ['src/transport/loadsStoreToo.ts', "import { type Store } from '../stores/memory.ts';", PLUGIN],
  ['src/transport/sdkTransport.ts', "import '@modelcontextprotocol/sdk/server/streamableHttp.js';", PLUGIN],
  ['src/supervisor/toHttp.ts', "import '../http/nodeHandler.ts';", LAYER],
  ['src/supervisor/toIndex.ts', "import '../index.ts';", LAYER],
  ['src/http/toMachines.ts', "import '../machines/session.ts';", LAYER],
  ['src/http/toStores.ts', "import '../stores/memory.ts';", LAYER],
  ['src/stdio/toSupervisor.ts', "import '../supervisor/registry.ts';", LAYER],
  ['src/stdio/loadsTransport.ts', "import { Connection } from '../transport/connection.ts';", PLUGIN],
  ['src/inspector/toSupervisor.ts', "import '../supervisor/registry.ts';", LAYER],
  ['src/testing/toTransport.ts', "import '../transport/connection.ts';", LAYER],
  ['src/testing/toMachine.ts', "import '../machines/session.ts';", LAYER],
  ['src/cli/toOptions.ts', "import '../options.ts';", LAYER],
  ['src/cli/self.ts', "import 'mcp-session-supervisor';", LAYER],
  ['src/http/self.ts', "import 'mcp-session-supervisor/node';", LAYER],
  ['src/stores/knot.ts', "import './tie.ts';", CYCLE],
  ['src/stores/tie.ts', "import type {} from './knot.ts';", CYCLE],
  // Names, and what else would come in unseen.
  ['src/http/utils.ts', 'export const a = 1;', PLUGIN],
  ['src/helpers/a.ts', 'export const a = 1;', PLUGIN],
  ['src/http/common/deep/a.ts', 'export const a = 1;', PLUGIN],
  ['src/http/snake_case.ts', 'export const a = 1;', 'lint/style/useFilenamingConvention'],
  ['src/http/long.ts', 'export {};\n'.repeat(301), 'lint/style/noExcessiveLinesPerFile'],
  ['src/http/devDependency.ts', "import 'vitest';", 'lint/correctness/noUndeclaredDependencies'],
  ['src/http/withoutExtension.ts', "import './long';", 'lint/correctness/useImportExtensions'],
  ['src/http/defaultExport.ts', 'export default 1;', 'lint/style/noDefaultExport'],
  ['src/http/console.ts', "console.log('a');", 'lint/suspicious/noConsole'],
  ['src/http/any.ts', 'export const a: any = 1;', 'lint/suspicious/noExplicitAny'],
  ['src/http/nonNull.ts', 'export const a = (b?: string) => b!.length;', 'lint/style/noNonNullAssertion'],
  ['src/http/enum.ts', 'export enum A {}', 'lint/style/noEnum'],
  ['src/http/floating.ts', 'async function f() {}\nf();', 'lint/nursery/noFloatingPromises'],
  ['src/http/noReason.ts', '// biome-ignore lint/style/noEnum:\nexport enum A {}', 'suppressions/parse'],
  ['src/http/noEffect.ts', '// biome-ignore lint/style/noEnum: not one\nexport const a = 1;', 'suppressions/unused'],
  [
    'test/skipped.test.ts',
    "import { test } from 'vitest';\ntest.skip('a', () => {});",
    'lint/suspicious/noSkippedTests',
  ],
  ['src/http/quotes.ts', 'export const a = "a"', 'format'],
];

/** What the layers may do, and has to stay possible. */
const ACCEPTED: Readonly<Record<string, string>> = {
  'src/machines/session.ts': "import 'xstate';\nimport 'xstate/graph';\nimport './reasons.ts';\n",
  'src/machines/reasons.ts': 'export const a = 1;\n',
  'src/options.ts': "import './errors.ts';\nimport './stores/memory.ts';\n",
  'src/errors.ts': 'export const a = 1;\n',
  'src/index.ts': "import './http/webHandler.ts';\nimport './supervisor/registry.ts';\n",
  'src/stores/memory.ts': "import '../errors.ts';\n\nexport const a = 1;\n",
  'src/transport/connection.ts':
    "import '../clock.ts';\nimport '../errors.ts';\nimport '../machines/reasons.ts';\nimport '../stores/eventLog.ts';\nimport type { a } from '../stores/memory.ts';\n\nexport type A = typeof a;\n",
  'src/supervisor/registry.ts':
    "import '../errors.ts';\nimport '../machines/session.ts';\nimport '../options.ts';\nimport '../stores/memory.ts';\nimport '../transport/connection.ts';\n",
  'src/http/webHandler.ts':
    "import 'node:http';\nimport '../errors.ts';\nimport '../options.ts';\nimport '../supervisor/registry.ts';\nimport '../transport/connection.ts';\n",
  'src/stdio/index.ts':
    "import '../machines/session.ts';\nimport type { A } from '../transport/connection.ts';\n\nexport type B = A;\n",
  'src/inspector/index.ts': "import '../index.ts';\n",
  'src/testing/index.ts': "import '../index.ts';\nimport '../machines/index.ts';\nimport '../node.ts';\n",
  'src/cli/main.ts':
    "import '../index.ts';\nimport '../inspector/index.ts';\n\nconsole.log(await import(String(process.argv[2])));\n",
  'examples/server.ts': 'export default 1;\n',
};

describe('lint refuses', () => {
  let refused: Linted;
  beforeAll(async () => {
    refused = await lint(Object.fromEntries(REFUSED));
  }, 30_000);

  test('with an exit code that stops the gate', async () => {
    expect(refused.exitCode).toBe(1);
    expect((await script('check')).split(' && ')).toContain('npm run --silent lint');
  });

  test.each(REFUSED)('%s', (path, _source, rule) => {
    const rules = refused.findings.filter((finding) => finding.location.path === path).map(({ category }) => category);
    expect(rules).toContain(rule);
  });
});

describe('lint accepts', () => {
  test('what each layer may import', async () => {
    expect(await lint(ACCEPTED)).toEqual({ exitCode: 0, findings: [] });
  }, 30_000);
});
