/** How the tests run: against the sources, every wait bounded; a test that asserts nothing fails. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { PROMISES } from './test/requirements/promises.ts';
import { ClaimsReporter } from './test/requirements/reporter.ts';
import { REQUIREMENTS } from './test/requirements.ts';

const wanted = process.env['TEST_NODE_MAJOR'];
if (wanted !== undefined && process.versions.node.split('.')[0] !== wanted) {
  throw new Error(`These tests are to run on Node ${wanted}, but this is ${process.version}`);
}

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^mcp-session-supervisor$/, replacement: source('index.ts') },
      {
        find: /^mcp-session-supervisor\/(node|machines|testing|inspector|admin|lmdb|redis|stdio|telemetry)$/,
        replacement: source('$1'),
      },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Those need Chromium, all the clients, hosts and servers, all cores, and a lot of heap and time: npm run test:browser,
    // test:clients, test:cluster, hosts, test:gaps, test:processes, test:proxies, test:redis, test:scale, test:stdio.
    exclude: [
      ...[
        'browser',
        'clients',
        'gaps',
        'hosts',
        'nemesis',
        'processes',
        'proxies',
        'redis',
        'scale',
        'servers',
        'soak',
      ].map((folder) => `test/${folder}/**`),
      '**/node_modules/**',
      // On a second Node: what Biome and the compiler say of our sources and pages is the same there.
      ...(wanted === undefined ? [] : ['test/house.test.ts', 'test/docs.test.ts']),
    ],
    // A run of all tests fails over a requirement of the protocol that none of them shows.
    reporters: ['default', new ClaimsReporter({ 'MCP 2025-11-25': REQUIREMENTS, 'docs/wire.md': PROMISES })],
    // Processes, so that signals and heap are no thread's. The files of one process share what they import, which is more
    // than half of the time otherwise; what is a matter of the process (heap, signals) has a config where they do not.
    pool: 'forks',
    isolate: false,
    // Supervisors without a logger warn the process; a test that is about it looks for the warning itself.
    execArgv: ['--disable-warning=McpSessionSupervisorWarning'],
    expect: { requireAssertions: true },
    // Tests that run side by side in one file wait for a real idle timeout, most of their time.
    maxConcurrency: 32,
    // As many as there are cores: by default one is left free, which doubles the time on two.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 5_000,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
  },
});
