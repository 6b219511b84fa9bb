/** `modern: 'serve'` where SDK v2 is not installed: told at once, and nothing is left of the supervisor that was not made. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { buildTestServer } from '../support/testServer.ts';

test('PACKAGE_MISSING names the line that installs it; the factory is not opened', async () => {
  vi.resetModules();
  vi.doMock('node:module', async (original) => ({
    ...(await original<typeof import('node:module')>()),
    createRequire: () => ({
      resolve: () => {
        throw new Error('Cannot find module');
      },
    }),
  }));
  onTestFinished(() => {
    vi.doUnmock('node:module');
    vi.resetModules();
  });
  const { createSessionSupervisor } = await import('../../src/index.ts');
  const open = vi.fn();
  const server = Object.assign(buildTestServer, { open });
  expect(() => createSessionSupervisor({ server, modern: 'serve' })).toThrow(
    expect.objectContaining({
      code: 'PACKAGE_MISSING',
      message: expect.stringContaining('npm i @modelcontextprotocol/server'),
    }),
  );
  expect(open).not.toHaveBeenCalled();
});
