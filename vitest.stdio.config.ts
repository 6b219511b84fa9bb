/** How the command is tried with servers that others wrote, and for long: one file after the other. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    include: ['test/servers/**/*.test.ts', 'test/soak/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    fileParallelism: false,
  },
});
