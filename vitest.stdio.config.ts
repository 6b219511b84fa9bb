/** How the command is tried with servers that others wrote, and for long: two files at a time, since most of it is waiting. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/servers/**/*.test.ts', 'test/soak/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    maxWorkers: 2,
  },
});
