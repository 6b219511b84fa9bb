/** The process of a session on the inspector's page: told to who opens the session, and to nobody else. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../src/index.ts';
import type { SessionFrame } from '../../src/inspector/protocol.ts';
import { FeedClient } from '../inspector/feedClient.ts';
import { inspect, serveInspected } from '../inspector/inspect.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { serveProcesses } from './simulatedProcesses.ts';

type Child = NonNullable<SessionFrame['child']>;

/** A session whose server is a process, opened on the page. */
async function opened(...given: Parameters<typeof serveProcesses>) {
  const served = await serveProcesses(...given);
  const { sessionId, headers } = await initialize(served.url);
  await until(() => served.supervisor.session(sessionId)?.state === 'idle');
  const client = await new FeedClient(await inspect(served.supervisor)).synchronized();
  const [key = ''] = client.rows.keys();
  client.say({ type: 'open', key });
  const child = async (which: (child: Child) => boolean) =>
    (await client.session((frame) => frame.child !== undefined && which(frame.child))).child;
  return { ...served, sessionId, headers, client, key, child, process: served.launcher.last };
}

describe('the process of a session that is opened', () => {
  test('is told while it lives, and how it ended with what it said last, after the session too', async () => {
    const { child, process, client, key } = await opened({ env: { TOKEN: 's3cret' } });
    const none = { exit: null, stderr: null, gaveUp: false };
    expect(await child(({ state }) => state === 'ready')).toEqual({
      ...none,
      state: 'ready',
      generation: 1,
      pid: 1_000,
    });
    process.warn('no licence');
    process.warn('a\u202eb');
    process.exit({ code: 3, signal: null });
    expect(await child(({ state }) => state === 'gone')).toMatchObject({
      exit: { code: 3, signal: null },
      stderr: 'no licence\na\\u{202e}b',
    });
    // As is told to who opens it only then.
    client.say({ type: 'close' });
    const before = client.of('session').length;
    client.say({ type: 'open', key });
    await until(() => client.of('session').length > before);
    expect(client.of('session').at(-1)).toMatchObject({
      row: { state: 'terminated', reason: 'crashed' },
      child: { state: 'gone', exit: { code: 3 }, stderr: expect.stringContaining('no licence') },
    });
    expect(JSON.stringify(client.frames)).not.toContain('s3cret');
  });

  test('is another one after a restart', async () => {
    const { child, process, launcher } = await opened({ restart: 'permanent' });
    process.warn('segfault at 0');
    process.exit({ code: null, signal: 'SIGSEGV' });
    expect(await child(({ state, generation }) => state === 'ready' && generation === 2)).toEqual({
      state: 'ready',
      generation: 2,
      pid: launcher.last.pid,
      exit: { code: null, signal: 'SIGSEGV' },
      stderr: 'segfault at 0',
      gaveUp: false,
    });
  });

  test('is followed to its end after its session was ended, or parked', async () => {
    const { child, process, supervisor, sessionId } = await opened({}, { shutdownTimeout: 800 });
    process.ends = 'atTerm';
    process.warn('why should I');
    const ended = supervisor.terminate(sessionId);
    expect(await child(({ state }) => state === 'stopping')).toMatchObject({ exit: null, stderr: null });
    await ended;
    expect(await child(({ state }) => state === 'gone')).toMatchObject({
      exit: { signal: 'SIGTERM' },
      stderr: 'why should I',
    });

    const parked = await opened({}, { sessionStore: createMemorySessionStore(), parkAfter: 60 });
    const { row, child: last } = await parked.client.session((frame) => frame.child?.state === 'gone');
    expect(row.state).toBe('parked');
    expect(last).toMatchObject({ exit: { code: 0 }, stderr: null });
  });
});

test('rows are what they were: with a process and without, and a session without one has no word of any', async () => {
  const { client } = await opened();
  const { inspector, url } = await serveInspected();
  const { sessionId } = await initialize(url);
  const other = await new FeedClient(inspector).synchronized();
  const [key = ''] = other.rows.keys();
  other.say({ type: 'open', key });
  await call(url, sessionId, 'echo', { text: 'x' }, 1);
  const frame = await other.session(({ history }) => history.length >= 7);
  expect('child' in frame).toBe(false);
  const namesOf = (from: FeedClient) => [...from.rows.values()].map((row) => Object.keys(row).sort());
  expect(namesOf(client)).toEqual(namesOf(other));
});
