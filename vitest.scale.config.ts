/**
 * How the tests run that take many sessions, a lot of heap and their time: as all others do, but one file after the other,
 * because they measure.
 */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/scale/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    fileParallelism: false,
  },
});
