/** The inspector's page behind the admin: where it is, by which token, and that an ending there is a line in the log. */
import { expect, test } from 'vitest';
import { closeCode, FeedClient, openSocket, statusOf } from '../inspector/feedClient.ts';
import { until } from '../support/until.ts';
import { initialize } from '../support/wire.ts';
import { ask, serveAdministered } from './administered.ts';

const place = ({ port = 0, token }: { readonly port: number | undefined; readonly token: string }) => ({ port, token });
const FEED = { path: '/inspector/feed' };

test('is at /inspector/ by the same token, and nowhere without it', async () => {
  const { admin } = await serveAdministered({}, { inspector: true });
  expect(admin.inspectorUrl).toBe(`${admin.url}/inspector/?token=${admin.token}`);
  // In a clone that is not built the page is 503.
  expect((await ask(admin, `/inspector/?token=${admin.token}`)).status).not.toBe(403);
  expect((await ask(admin, '/inspector/')).status).toBe(403);
  expect((await ask(admin, '/inspector/?token=wrong')).status).toBe(403);
  const moved = await ask(admin, `/inspector?token=${admin.token}`);
  expect([moved.status, moved.headers['location']]).toEqual([308, `./inspector/?token=${admin.token}`]);
  expect(await statusOf(openSocket(place(admin), { ...FEED, token: 'wrong' }))).toBe(403);
  expect(await statusOf(openSocket(place(admin), { ...FEED, headers: { origin: 'https://evil.example' } }))).toBe(403);
  expect(await statusOf(openSocket(place(admin), { ...FEED, headers: { host: 'evil.example' } }))).toBe(403);
  expect(await statusOf(openSocket(place(admin), { path: '/feed' }))).toBe(404);
  expect(await statusOf(openSocket(place(admin), FEED))).toBe(101);
});

test('shows the sessions, and who looks is sent away at the end', async () => {
  const { admin, url } = await serveAdministered({}, { inspector: true });
  await initialize(url);
  const client = await new FeedClient(place(admin), FEED).synchronized();
  expect((await client.hello()).allowTerminate).toBe(false);
  const socket = openSocket(place(admin), FEED);
  await statusOf(socket);
  const code = closeCode(socket);
  await admin.close();
  expect(await code).toBe(1001);
});

test.each([
  [true, 'ended'],
  [false, 'forbidden'],
])('with changes allowed %s an ending there is %s, and a line', async (allowChanges, outcome) => {
  const { admin, url, lines } = await serveAdministered({}, { inspector: true, allowChanges });
  const { sessionId } = await initialize(url);
  const client = await new FeedClient(place(admin), FEED).synchronized();
  const [key = ''] = [...client.rows.keys()];
  client.say({ type: 'terminate', key });
  const line = await until(() => lines.find(({ event }) => event === 'admin.changed'));
  expect(line).toMatchObject({
    action: 'session.end',
    outcome,
    sessionId,
    peer: expect.stringMatching(/^127\.0\.0\.1:/),
  });
});
