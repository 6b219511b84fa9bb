/** How the tests against real Redis run: as all others do; each file starts servers of its own. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/redis/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    hookTimeout: 60_000,
  },
});
