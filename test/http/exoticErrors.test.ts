/** A factory may throw what throws when it is looked at. That costs the request, and nothing besides. */
import { expect, test } from 'vitest';
import { ask, serveBoth, toolBody } from '../modern/modernServer.ts';
import { serve } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';
import { initializeBody, post } from '../support/wire.ts';

const no = () => {
  throw new Error('no');
};
const exotic = new Proxy({}, { getPrototypeOf: no, get: no, has: no });

const server = () => {
  throw exotic;
};

test('an initialize gets 500, and the drain waits for nothing', async () => {
  const { url, supervisor } = await serve({ server });
  expect((await post(url, initializeBody())).status).toBe(500);
  expect([...supervisor.sessions()]).toEqual([]);
  expect(supervisor.stats()).toMatchObject({ ended: { crashed: 1 }, servers: { starting: 0, closing: 0 } });
  await withTimeout(supervisor.drain(), { what: 'the drain' });
});

test('a stateless call gets 500', async () => {
  const { url } = await serve({ server, stateless: true });
  expect((await post(url, initializeBody())).status).toBe(500);
});

test('a request without a session gets 500', async () => {
  const { url } = await serveBoth({ server });
  expect((await ask(url, toolBody('echo', { text: 'a' }))).status).toBe(500);
});
