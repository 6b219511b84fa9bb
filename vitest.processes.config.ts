/** How the tests run that kill real processes, or have them wait in real time: one file after the other. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/processes/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    fileParallelism: false,
  },
});
