/** How the tests of the inspector's page run: the built package, in Chromium. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    alias: {
      // The page is served by what was built; it is not there beside the sources.
      'mcp-session-supervisor/inspector': fileURLToPath(new URL('./dist/inspector/index.js', import.meta.url)),
    },
  },
  test: {
    include: ['test/browser/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    expect: { requireAssertions: true },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
