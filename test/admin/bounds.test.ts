/** What strangers can make the admin hold: so many connections, each for so long. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { until, withTimeout } from '../support/until.ts';
import { ask, serveAdministered } from './administered.ts';

async function open(port = 0): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('the 257th connection is closed, and the next one taken when another has ended', async () => {
  const { admin } = await serveAdministered();
  const sockets = await Promise.all(Array.from({ length: 256 }, () => open(admin.port)));
  const one = await open(admin.port);
  one.resume();
  await withTimeout(once(one, 'close'), { what: 'the connection too many to be closed' });
  sockets[0]?.destroy();
  // The server learns of that a little later.
  const answered = () => ask(admin, '/livez').catch(() => undefined);
  expect((await until(answered, { what: 'a connection to be taken' })).status).toBe(200);
});

test('metrics that do not come within 5 s are 503, and told', async () => {
  const metrics = { contentType: 'text/plain', text: () => new Promise<string>(() => {}) };
  const { admin, lines } = await serveAdministered({}, { metrics });
  const answer = await ask(admin, '/metrics', { within: 12_000 });
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
  expect(lines).toMatchObject([{ level: 'error', event: 'admin.failed' }]);
});

test('a request that does not come whole within 5 s is answered 408', async () => {
  const { admin } = await serveAdministered();
  const socket = await open(admin.port);
  let answer = '';
  socket.on('data', (data) => {
    answer += String(data);
  });
  socket.write('GET /livez HTTP/1.1\r\nHost: local');
  await withTimeout(once(socket, 'close'), { within: 12_000, what: 'the connection to be closed' });
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});
