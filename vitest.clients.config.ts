/** How clients that other people wrote are taken through restarts: all at once, against one command. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/clients/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
  },
});
