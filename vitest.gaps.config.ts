/** How the tests run that wait for 6 and 20 s of real time: as all others do, but one file after the other. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/gaps/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    fileParallelism: false,
  },
});
