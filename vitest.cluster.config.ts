/** How nodes that are processes are broken: as all tests run, but one file after the other, because each has the machine. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/nemesis/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    fileParallelism: false,
  },
});
