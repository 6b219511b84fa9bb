/** OpenTelemetry where it is not installed. */
import { expect, test } from 'vitest';
import { loadOpenTelemetry } from '../../src/telemetry/peer.ts';

test('PACKAGE_MISSING names the line that installs it', async () => {
  const missing = () => Promise.reject(Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' }));
  await expect(loadOpenTelemetry(missing)).rejects.toMatchObject({
    code: 'PACKAGE_MISSING',
    message: 'instrument needs the package @opentelemetry/api: npm i @opentelemetry/api',
  });
});

test('what else fails is told as it is', async () => {
  const error = new Error('broken');
  await expect(loadOpenTelemetry(() => Promise.reject(error))).rejects.toBe(error);
});
