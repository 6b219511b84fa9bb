/** Events that the embedder sends an actor by hand cost at most the session: whoever waits for it is answered. */
import { expect, test } from 'vitest';
import { TinyServer } from '../../support/tinyServer.ts';
import { withTimeout } from '../../support/until.ts';
import { actorsOf, embed, open, ping } from './embedder.ts';

test('INITIALIZED sent by hand while the factory runs does not keep the initialize waiting for ever', async () => {
  let forge = () => {};
  const supervisor = embed({
    server: () => {
      forge();
      return new TinyServer();
    },
  });
  const bystander = await open(supervisor);
  forge = () => {
    for (const actor of actorsOf(supervisor).sessions) actor.send({ type: 'INITIALIZED' });
  };
  const { status } = await withTimeout(open(supervisor), { within: 1_000, what: 'the answer of the initialize' });
  expect([200, 500, 503, 504]).toContain(status);
  expect(await ping(supervisor, bystander.id)).toBe(200);
  expect([...supervisor.sessions()].map(({ inFlight }) => inFlight)).not.toContain(1);
  await supervisor.drain();
});

test.each(['session.opened', 'session.active'] as const)(
  'RESPONSE sent by hand by a listener of %s does not keep the initialize waiting for ever',
  async (type) => {
    const supervisor = embed();
    supervisor.on(type, () => {
      for (const actor of actorsOf(supervisor).sessions) actor.send({ type: 'RESPONSE' });
    });
    const { status } = await withTimeout(open(supervisor), { within: 1_000, what: 'the answer of the initialize' });
    expect([200, 500, 503, 504]).toContain(status);
    await supervisor.drain();
  },
);

test('DRAIN sent by hand lets nobody in any more, and a drain ends it', async () => {
  const supervisor = embed();
  const { id } = await open(supervisor);
  supervisor.actor.send({ type: 'DRAIN' });
  expect((await open(supervisor)).status).toBe(503);
  await withTimeout(supervisor.drain(), { within: 1_000, what: 'the drain' });
  expect(supervisor.session(id)).toBeUndefined();
  expect(supervisor.stats().ended).toEqual({ drained: 1 });
});
