/** A factory or a store may throw what throws when it is looked at. That costs the request, and nothing besides. */
import { describe, expect, test } from 'vitest';
import { ask, serveBoth, toolBody } from '../modern/modernServer.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { serve } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';
import { call, initialize, initializeBody, post } from '../support/wire.ts';

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

describe('a session store that throws it', () => {
  test('when a session is to be stored: 503, and no session', async () => {
    const sessionStore = controlledSessionStore();
    sessionStore.before.create = server;
    const { url, supervisor } = await serve({ sessionStore });
    expect((await post(url, initializeBody())).status).toBe(503);
    expect([...supervisor.sessions()]).toEqual([]);
  });

  test('when one is to be written: it is asked again', async () => {
    const sessionStore = controlledSessionStore();
    sessionStore.before.update = () => {
      if (sessionStore.calls.update === 1) throw exotic;
    };
    const { url } = await serve({ sessionStore });
    const { headers } = await initialize(url); // and says that it is initialized, which is stored
    expect(sessionStore.calls.update).toBe(2);
    expect((await call(url, headers['mcp-session-id'] ?? '', 'echo', { text: 'a' })).status).toBe(200);
  });
});
