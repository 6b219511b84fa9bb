/** `instrument` where OpenTelemetry is not installed. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { supervise } from '../support/serve.ts';

test('PACKAGE_MISSING names the line that installs it, and nothing is observed', async () => {
  vi.resetModules();
  vi.doMock('@opentelemetry/api', () => {
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  });
  onTestFinished(() => {
    vi.doUnmock('@opentelemetry/api');
    vi.resetModules();
  });
  const { instrument } = await import('../../src/telemetry/index.ts');
  const { supervisor } = supervise();
  const observe = vi.spyOn(supervisor, 'observe');
  const error: unknown = await instrument(supervisor).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ message: expect.stringContaining('@opentelemetry/api') });
  expect(observe).not.toHaveBeenCalled();
  await supervisor.drain();
});
