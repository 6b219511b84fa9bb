/** How the command is tried behind proxies: two files at a time, since most of it is waiting. */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { resolve, test } = base;

export default defineConfig({
  ...(resolve !== undefined && { resolve }),
  test: {
    ...test,
    isolate: true,
    include: ['test/proxies/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['default'],
    maxWorkers: 2,
    // The certificates of the proxies are the tests' own.
    env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    execArgv: ['--disable-warning=McpSessionSupervisorWarning', '--no-warnings'],
  },
});
