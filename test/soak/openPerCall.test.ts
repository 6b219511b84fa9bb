/**
 * Case 70: clients that open a session for each call and never end one, as some do. The cap holds, in sessions and in
 * processes, and who goes is first who was never used, then who was idle for longest.
 */
import { setTimeout as passing } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { Served } from '../servers/served.ts';
import { until } from '../support/until.ts';
import { call, callBody, initialize, openStream, post } from '../support/wire.ts';

const command = useCommand();
const SERVER = fileURLToPath(new URL('./fixtures/server.sh', import.meta.url));

const CLIENTS = 300;
const MAX_SESSIONS = 64;
/** Of so many clients one goes before it has called anything. */
const UNUSED = 5;
/** Calls that last all the while. */
const BUSY = 4;
/** In ms. */
const LOOKS_EVERY = 250;
const TIMEOUT = 120_000;
/** At a time, in the crowd. */
const WORKERS = 12;

const FLAGS = ['--max-sessions', `${MAX_SESSIONS}`, '--log-format', 'json'];

interface Entry {
  readonly event: string;
  readonly sessionId?: string;
  readonly reason?: string;
  readonly open?: number;
}

async function serve(): Promise<Served> {
  const running = command.run(['--port', '0', ...FLAGS, '--', 'sh', SERVER]);
  const listening = JSON.parse(await running.line(/"server.listening"/)) as { url: string };
  return new Served(running, listening.url);
}

const entries = ({ running }: Served, event: string) =>
  running.lines(new RegExp(`"event":"${event}"`)).map((line) => JSON.parse(line) as Entry);

/** Opens a session and calls something there; resolves to its id, and to whether it was ended before it was used. */
async function openAndCall({ url }: Served): Promise<{ sessionId: string; pushedOut: boolean }> {
  const { sessionId, headers } = await initialize(url, { notify: false });
  const notified = await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
  const answer = notified.status === 202 ? await call(url, sessionId, 'echo') : notified;
  const pushedOut = answer.status === 404;
  if (!pushedOut) expect(answer.messages()[0]?.result.pid).toBeGreaterThan(0);
  return { sessionId, pushedOut };
}

/** At the end no more than the cap are there. */
async function expectCapped(served: Served): Promise<void> {
  const opened = entries(served, 'session.opened');
  expect(Math.max(...opened.map(({ open = 0 }) => open))).toBe(MAX_SESSIONS);
  expect((await served.family.count(MAX_SESSIONS)).length).toBe(MAX_SESSIONS);
  expect(await served.stop()).toEqual({ code: 0, signal: null });
}

test('one after the other: those go first that were never used, then the longest idle', {
  timeout: TIMEOUT,
}, async () => {
  const served = await serve();
  const { url } = served;
  const busy = await Promise.all(
    Array.from({ length: BUSY }, async () => {
      const { sessionId, headers } = await initialize(url);
      const stream = await openStream(url, { headers, body: callBody('hang') });
      await stream.next();
      return { sessionId, stream };
    }),
  );
  const [unused, used, evicted]: [string[], string[], string[]] = [[], [], []];
  for (let n = 0; n < CLIENTS; n++) {
    if (BUSY + unused.length + used.length === MAX_SESSIONS) evicted.push(unused.shift() ?? used.shift() ?? '');
    if (n % UNUSED === 0) unused.push((await initialize(url, { notify: false })).sessionId);
    else {
      const { sessionId, pushedOut } = await openAndCall(served);
      expect(pushedOut).toBe(false);
      used.push(sessionId);
    }
  }
  const gone = () => entries(served, 'session.terminated');
  await until(() => gone().length === evicted.length, { what: 'all to be told' });
  expect(gone().map(({ sessionId }) => sessionId)).toEqual(evicted);
  expect(new Set(gone().map(({ reason }) => reason))).toEqual(new Set(['evicted']));
  // Who has a call in flight stays, whoever comes.
  expect(busy.map(({ stream }) => stream.ended)).toEqual(busy.map(() => false));
  for (const { stream } of busy) stream.destroy();
  await expectCapped(served);
});

test('many at a time: sessions and processes are bounded, and whoever is refused was evicted', {
  timeout: TIMEOUT,
}, async () => {
  const served = await serve();
  let begun = 0;
  const refused: string[] = [];
  let most = 0;
  let over = false;
  // Looked at again and again, since this can't be told by anybody.
  const looking = (async () => {
    while (!over) {
      most = Math.max(most, (await served.family.members()).length);
      await passing(LOOKS_EVERY);
    }
  })();
  const work = async () => {
    while (begun < CLIENTS) {
      begun++;
      const { sessionId, pushedOut } = await openAndCall(served);
      if (pushedOut) refused.push(sessionId);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  over = true;
  await looking;
  // One that has not called anything yet counts as never used, so that newcomers may push each other out.
  console.log(`of ${CLIENTS} clients ${refused.length} were pushed out; ${most} processes at most`);
  const evicted = entries(served, 'session.terminated').filter(({ reason }) => reason === 'evicted');
  expect(evicted).toHaveLength(CLIENTS - MAX_SESSIONS);
  expect(evicted.map(({ sessionId }) => sessionId)).toEqual(expect.arrayContaining(refused));
  // One that ends may still be there when its place is taken: as many again at most, and here hardly any.
  expect(most).toBeLessThanOrEqual(MAX_SESSIONS + 2 * WORKERS);
  await expectCapped(served);
});
