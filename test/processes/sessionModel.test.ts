/** Our own server along every path of its own statechart over HTTP, in real time; in simulated time in test/model. */
import { expect, test } from 'vitest';
import { httpDriver, runPaths, sessionPaths } from '../../src/testing/index.ts';
import { serve } from '../support/serve.ts';

test('over HTTP, in real time', async () => {
  const sessionIdleTimeout = 400;
  const { url } = await serve({ sessionIdleTimeout });
  const driver = httpDriver({
    url,
    idleTimeout: sessionIdleTimeout,
    longCall: (ms) => ({ name: 'sleep', arguments: { ms } }),
  });
  const paths = sessionPaths({ coverage: 'transitions', timeouts: { sessionIdleTimeout } });
  const result = await runPaths(paths, driver, { concurrency: 32 });
  expect(result.violations).toEqual([]);
});
