/** How the hosts are tried: each in a process of its own, with the built package, as a user would have it. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/hosts/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    expect: { requireAssertions: true },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 15_000,
  },
});
