/**
 * Peers that vanish while Node does not read from their connection: it stops reading when more answers wait for their
 * turn than it holds, and then sees neither the end of a connection nor a reset.
 */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { bytesOf } from '../../support/siege.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { callBody, initialize, rawSocket } from '../../support/wire.ts';

const KEEP_ALIVE = 15_000;

/** A call that hangs, and so much behind it on the same connection that Node stops reading. */
async function crowded(options: ServeOptions = {}, version = 'HTTP/1.1') {
  const clock = new SimulatedClock();
  const served = await serve({ clock, keepAliveInterval: KEEP_ALIVE, enableJsonResponse: true, ...options });
  const stateless = options.stateless === true;
  const { sessionId, headers } = stateless ? { sessionId: '', headers: {} } : await initialize(served.url);
  if (!stateless) await becomesIdle(served, sessionId);
  const accepted = new Promise<Socket>((resolve) => served.httpServer.once('connection', resolve));
  const raw = await rawSocket(served.port);
  const held = bytesOf({
    version,
    headers: { ...headers, connection: 'keep-alive' },
    body: callBody('gate', { key: 'a' }, 'held'),
  });
  const more = Array.from({ length: 200 }, (_, id) =>
    bytesOf({
      version,
      headers: { ...headers, connection: 'keep-alive' },
      body: callBody('big', { bytes: 2_000 }, id),
    }),
  );
  raw.write(Buffer.concat([held, ...more]));
  const socket = await accepted;
  await until(() => socket.isPaused(), { what: 'Node to stop reading' });
  await served.gates.entered('a');
  /** Lets intervals pass, and what they cause happen. */
  const intervals = async (count: number) => {
    for (let n = 0; n < count; n++) {
      await advance(clock, KEEP_ALIVE);
      await turns(20);
    }
  };
  return { ...served, clock, raw, socket, sessionId, intervals };
}

describe('a peer that is gone behind a crowd of requests is found', () => {
  test.each(['destroy', 'reset'] as const)('in JSON mode, by %s: its session idles', async (how) => {
    const served = await crowded();
    const { raw, socket, supervisor, sessionId, intervals } = served;
    raw[how]();
    await turns(20);
    expect(supervisor.session(sessionId)?.state).toBe('active');
    await until(
      async () => {
        await intervals(1);
        return socket.destroyed;
      },
      { what: 'the connection to be known as gone' },
    );
    await becomesIdle(served, sessionId);
  });

  test('when stateless: the handler is aborted', async () => {
    const { raw, socket, gates, intervals } = await crowded({ stateless: true });
    raw.destroy();
    await until(
      async () => {
        await intervals(1);
        return socket.destroyed;
      },
      { what: 'the connection to be known as gone' },
    );
    await until(() => gates.counts('a').aborted === 1, { what: 'the handler to be aborted' });
    expect(gates.counts('a')).toMatchObject({ entered: 1, aborted: 1 });
  });

  test('with streams: by the comments of the first one', async () => {
    const served = await crowded({ enableJsonResponse: false });
    served.raw.destroy();
    await until(
      async () => {
        await served.intervals(1);
        return served.socket.destroyed;
      },
      { what: 'the connection to be known as gone' },
    );
    await becomesIdle(served, served.sessionId);
    expect(served.supervisor.session(served.sessionId)).toMatchObject({ inFlight: 0 });
  });

  test('of HTTP/1.0, which knows no interim answers: its connection is cut', async () => {
    const served = await crowded({}, 'HTTP/1.0');
    await served.intervals(1);
    await until(served.raw.closed, { what: 'the connection to be cut' });
    await becomesIdle(served, served.sessionId);
    expect(served.supervisor.session(served.sessionId)).toMatchObject({ inFlight: 0 });
  });
});

test('a peer that is there hears interim answers, and then all of its own, in order', async () => {
  const { raw, gates, intervals } = await crowded();
  await intervals(3);
  for (let n = 0; n < 3; n++) expect((await raw.readHead()).status).toBe(102);
  gates.open('a');
  expect((await raw.readResponse()).body).toContain('passed a');
  for (let id = 0; id < 200; id++) {
    const { status, body } = await raw.readResponse();
    expect({ status, id: JSON.parse(body).id }).toEqual({ status: 200, id });
  }
  expect(raw.received).toBe('');
});

test('a connection that Node reads from is not asked', async () => {
  const clock = new SimulatedClock();
  const served = await serve({ clock, keepAliveInterval: KEEP_ALIVE, enableJsonResponse: true });
  const { headers } = await initialize(served.url);
  const raw = await rawSocket(served.port);
  const calls = [callBody('gate', { key: 'a' }, 1), callBody('echo', { text: 'x' }, 2)];
  raw.write(Buffer.concat(calls.map((body) => bytesOf({ headers, body }))));
  await served.gates.entered('a');
  await turns(20);
  await advance(clock, 4 * KEEP_ALIVE, KEEP_ALIVE);
  expect(raw.received).toBe('');
  served.gates.open('a');
  expect((await raw.readResponse()).body).toContain('passed a');
  expect((await raw.readResponse()).status).toBe(200);
});
