/** The rules of the house: `npm run lint` refuses what breaks them, and accepts what keeps them. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LAYER = 'lint/style/noRestrictedImports';
const PLUGIN = 'plugin';

interface Finding {
  readonly category: string;
  readonly message: string;
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
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

/** Files of every layer: what a layer could import. */
const FILES = [
  'clock.ts',
  'errors.ts',
  'options.ts',
  'options/conflicts.ts',
  'options/logger.ts',
  'index.ts',
  'node.ts',
  'machines/index.ts',
  'machines/reasons.ts',
  'machines/session.ts',
  'protocol/messages.ts',
  'stores/memory.ts',
  'lmdb/index.ts',
  'redis/index.ts',
  'transport/connection.ts',
  'supervisor/registry.ts',
  'modern/modernRequests.ts',
  'http/nodeHandler.ts',
  'stdio/index.ts',
  'stdio/child.ts',
  'door/access.ts',
  'door/addresses.ts',
  'inspector/index.ts',
  'inspector/mount.ts',
  'inspector/relay.ts',
  'admin/index.ts',
  'telemetry/index.ts',
  'telemetry/metrics.ts',
  'testing/index.ts',
  'testing/random.ts',
  'testing/paths/driver.ts',
  'testing/simulation/simulation.ts',
  'testing/discovery/discovery.ts',
  'testing/conformance/storeConformance.ts',
  'cli/main.ts',
];
const XSTATE = ['xstate', 'xstate/graph'];
const PACKAGES = [...XSTATE, 'commander', 'node:fs'];
const HTTP = ['http', 'https', 'http2', 'net', 'node:http', 'node:https', 'node:http2', 'node:net'];
/** Ourselves by name, ways around the rules, and what is not in src: nobody may. */
const NEVER = [
  'mcp-session-supervisor',
  'mcp-session-supervisor/node',
  './../errors.ts',
  './stores/../cli/main.ts',
  '../errors/../errors.ts',
  '../outside.ts',
  '../../outside.ts',
];

const LEAVES = ['clock.ts', 'errors.ts'];
const MACHINES = ['machines/index.ts', 'machines/reasons.ts', 'machines/session.ts'];
const PUBLIC = ['index.ts', 'node.ts', 'machines/index.ts'];
const DOOR = ['door/access.ts', 'door/addresses.ts'];
const PROTOCOL = 'protocol/messages.ts';
/** The rooms of the test kit; its index sees all of them. */
const KIT = ['paths/driver', 'simulation/simulation', 'discovery/discovery', 'conformance/storeConformance'].map(
  (path) => `testing/${path}.ts`,
);
const CORE = [
  PROTOCOL,
  'stores/memory.ts',
  'transport/connection.ts',
  'supervisor/registry.ts',
  'modern/modernRequests.ts',
  'http/nodeHandler.ts',
];

/** What each layer may import besides its own files: this and nothing else of what is listed above. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  'clock.ts': [],
  'errors.ts': [],
  'options.ts': [...LEAVES, 'options/conflicts.ts', 'options/logger.ts', PROTOCOL, 'stores/memory.ts', ...PACKAGES],
  'options/probe.ts': [...LEAVES, PROTOCOL, 'stores/memory.ts', ...PACKAGES],
  'index.ts': [
    ...LEAVES,
    'options.ts',
    'options/conflicts.ts',
    'options/logger.ts',
    'node.ts',
    ...MACHINES,
    ...CORE,
    ...PACKAGES,
    ...HTTP,
  ],
  'node.ts': [
    ...LEAVES,
    'options.ts',
    'options/conflicts.ts',
    'options/logger.ts',
    'index.ts',
    ...MACHINES,
    ...CORE,
    ...PACKAGES,
    ...HTTP,
  ],
  'machines/probe.ts': XSTATE,
  'protocol/probe.ts': PACKAGES,
  'stores/probe.ts': [...LEAVES, ...PACKAGES],
  'lmdb/probe.ts': [...LEAVES, 'stores/memory.ts', ...PACKAGES, 'net', 'node:net'],
  'redis/probe.ts': [...LEAVES, 'stores/memory.ts', ...PACKAGES],
  'transport/probe.ts': [...LEAVES, PROTOCOL, 'machines/reasons.ts', 'stores/memory.ts', ...PACKAGES],
  'supervisor/probe.ts': [
    ...LEAVES,
    'options.ts',
    PROTOCOL,
    ...MACHINES,
    'stores/memory.ts',
    'transport/connection.ts',
    ...PACKAGES,
  ],
  'modern/probe.ts': [
    ...LEAVES,
    'options.ts',
    PROTOCOL,
    ...MACHINES,
    'transport/connection.ts',
    'supervisor/registry.ts',
    ...PACKAGES,
  ],
  'http/probe.ts': [
    ...LEAVES,
    'options.ts',
    PROTOCOL,
    'transport/connection.ts',
    'supervisor/registry.ts',
    ...PACKAGES,
    ...HTTP,
  ],
  'cluster/link/probe.ts': ['clock.ts', 'options.ts', 'transport/connection.ts', ...PACKAGES, ...HTTP],
  'stdio/probe.ts': [
    ...LEAVES,
    'options/conflicts.ts',
    'options/logger.ts',
    PROTOCOL,
    ...MACHINES,
    'transport/connection.ts',
    ...PACKAGES,
    ...HTTP,
  ],
  'door/probe.ts': ['index.ts', ...PACKAGES, ...HTTP],
  'inspector/probe.ts': [...PUBLIC, ...DOOR, ...PACKAGES, ...HTTP],
  'admin/probe.ts': ['index.ts', ...DOOR, 'telemetry/index.ts', 'inspector/mount.ts', ...PACKAGES, ...HTTP],
  'telemetry/probe.ts': [...PUBLIC, ...PACKAGES],
  'testing/probe.ts': [...PUBLIC, ...KIT, ...PACKAGES, ...HTTP],
  'testing/paths/probe.ts': [...PUBLIC, 'testing/random.ts', ...PACKAGES, ...HTTP],
  'testing/simulation/probe.ts': [...PUBLIC, 'testing/random.ts', ...PACKAGES, ...HTTP],
  'testing/discovery/probe.ts': [...PUBLIC, 'testing/paths/driver.ts', ...PACKAGES, ...HTTP],
  'testing/conformance/probe.ts': [...PUBLIC, ...PACKAGES, ...HTTP],
  'cli/probe.ts': [
    ...PUBLIC,
    'stdio/index.ts',
    'admin/index.ts',
    'door/addresses.ts',
    'inspector/index.ts',
    'lmdb/index.ts',
    'redis/index.ts',
    'telemetry/index.ts',
    'testing/index.ts',
    ...PACKAGES,
    ...HTTP,
  ],
};

/** What a file of a layer could import from elsewhere, and as which module. */
function imports(file: string): { readonly what: string; readonly specifier: string }[] {
  const layer = dirname(file);
  const elsewhere = FILES.filter((path) => path !== file && (layer === '.' || dirname(path) !== layer));
  const specifier = (path: string) => {
    const way = relative(layer, path);
    return way.startsWith('.') ? way : `./${way}`;
  };
  return [
    ...elsewhere.map((path) => ({ what: path, specifier: specifier(path) })),
    ...[...PACKAGES, ...HTTP, ...NEVER].map((name) => ({ what: name, specifier: name })),
  ];
}

/** What breaks another rule of the house: the file, what stands in it, and the rule that has to refuse it. */
const REFUSED: readonly (readonly [path: string, source: string, rule: string])[] = [
  ['src/machines/bareNodeModule.ts', "import 'fs';", LAYER],
  ['src/machines/sdk.ts', "import type { Tool } from '@modelcontextprotocol/sdk/types.js';", LAYER],
  ['src/machines/xstateFork.ts', "import 'xstate-fork';", LAYER],
  ['src/machines/reExport.ts', "export * from '../errors.ts';", LAYER],
  ['src/machines/dynamicImport.ts', "export const fs = await import('node:fs');", LAYER],
  ['src/lmdb/dynamicImport.ts', "export const lmdb = await import('lmdb');", PLUGIN],
  ['src/redis/dynamicImport.ts', "export const redis = await import('redis');", PLUGIN],
  ['src/telemetry/dynamicImport.ts', "export const api = await import('@opentelemetry/api');", PLUGIN],
  ['src/modern/dynamicImport.ts', "export const sdk = await import('@modelcontextprotocol/server');", PLUGIN],
  ['src/machines/templatedImport.ts', 'export const fs = await import(`node:fs`);', PLUGIN],
  ['src/machines/inlineType.ts', "export type Server = import('node:http').Server;", PLUGIN],
  ['src/transport/loadsStore.ts', "import { MemoryStore } from '../stores/memory.ts';", PLUGIN],
  ['src/transport/loadsStoreToo.ts', "import { type Store } from '../stores/memory.ts';", PLUGIN],
  ['src/transport/exportsStore.ts', "export { MemoryStore } from '../stores/memory.ts';", PLUGIN],
  ['src/transport/sdkTransport.ts', "import '@modelcontextprotocol/sdk/server/streamableHttp.js';", PLUGIN],
  ['src/stdio/loadsTransport.ts', "import { Connection } from '../transport/connection.ts';", PLUGIN],
  ['src/stores/knot.ts', "import './tie.ts';", 'lint/suspicious/noImportCycles'],
  ['src/stores/tie.ts', "import type {} from './knot.ts';", 'lint/suspicious/noImportCycles'],
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

/** What is an exception to a rule, and has to stay possible. */
const ACCEPTED: Readonly<Record<string, string>> = {
  'src/machines/session.ts': "import 'xstate';\nimport './reasons.ts';\n",
  'src/stores/eventLog.ts': 'export const a = 1;\n',
  'src/transport/connection.ts': "import { a } from '../stores/eventLog.ts';\n\nexport const b = a;\n",
  'src/transport/limits.ts': "import type { a } from '../stores/memory.ts';\n\nexport type A = typeof a;\n",
  'src/lmdb/peer.ts': "export const lmdb = await import('lmdb');\n",
  'src/redis/peer.ts': "export const redis = await import('redis');\n",
  'src/cluster/link/sockets.ts': "export const ws = await import('ws');\n",
  'src/telemetry/peer.ts': "export const api = await import('@opentelemetry/api');\n",
  'src/modern/sdk.ts': "export const sdk = await import('@modelcontextprotocol/server');\n",
  'src/cli/main.ts': 'console.log(await import(String(process.argv[2])));\n',
  'src/cli/any.ts': '// biome-ignore lint/suspicious/noExplicitAny: whatever it is\nexport const a: any = 1;\n',
  'examples/server.ts': 'export default 1;\n',
  'test/a.test.ts': "import { test } from 'vitest';\n\ntest('a', () => {});\n",
};

describe('imports run one way', () => {
  let findings: readonly Finding[];
  beforeAll(async () => {
    const lines = (file: string) => imports(file).map(({ specifier }) => `import type {} from '${specifier}';\n`);
    findings = (await lint(Object.fromEntries(Object.keys(MAY).map((file) => [`src/${file}`, lines(file).join('')]))))
      .findings;
  }, 30_000);

  test.each(Object.entries(MAY))('src/%s', (file, may) => {
    const refused = findings.filter(({ category, location }) => category === LAYER && location.path === `src/${file}`);
    const refusedLines = new Set(refused.map(({ location }) => location.start.line));
    const accepted = imports(file).filter((_, index) => !refusedLines.has(index + 1));
    expect(accepted.map(({ what }) => what).sort()).toEqual([...may].sort());
  });
});

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

test('lint accepts the exceptions', async () => {
  expect(await lint(ACCEPTED)).toEqual({ exitCode: 0, findings: [] });
}, 30_000);
