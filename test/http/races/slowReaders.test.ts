/** Readers that are slower than what they are sent: bounded, cut off, and nobody else's problem. */
import type { Socket } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ServerFactory } from '../../../src/options.ts';
import { serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { callBody, initialize, openStream, post } from '../../support/wire.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Messages of 64 KiB that are sent at once: far more than what the system's own buffers hold. */
const MESSAGES = 480;

/** A server whose tools send many notifications: `call` on the stream of its call, `standalone` on the GET stream. */
const flooding =
  (onSent?: () => void): ServerFactory =>
  (session) => {
    const server = new McpServer(
      { name: 'flooding', version: '1' },
      { capabilities: { logging: {} }, ...session.serverOptions },
    );
    const done = { content: [{ type: 'text' as const, text: 'done' }] };
    server.registerTool('echo', {}, () => done);
    const text = 'x'.repeat(64 * KIB);
    for (const via of ['call', 'standalone'] as const) {
      const inputSchema = { messages: z.number(), yielding: z.boolean() };
      server.registerTool(via, { inputSchema }, async ({ messages, yielding }, { sendNotification }) => {
        for (let n = 0; n < messages; n++) {
          const message = { method: 'notifications/message', params: { level: 'info', data: { n, text } } } as const;
          await (via === 'call' ? sendNotification(message) : server.server.notification(message));
          if (yielding && n % 4 === 0) await turns(1); // as producers do, so that sockets get their turn
          onSent?.();
        }
        return done;
      });
    }
    return server;
  };

/** A flood on one stream whose client reads nothing. Tells how much the stream held at most. */
async function flood(via: 'call' | 'standalone') {
  let socket: Socket | undefined;
  let sent = 0;
  let most = 0;
  const clock = new SimulatedClock();
  const served = await serve({
    clock,
    maxStreamBuffer: MIB,
    server: flooding(() => {
      sent++;
      most = Math.max(most, socket?.writableLength ?? 0);
    }),
  });
  const { url, httpServer } = served;
  const neighbour = await initialize(url);
  const { sessionId, headers } = await initialize(url);
  const body = callBody(via, { messages: MESSAGES, yielding: true }, 1);
  httpServer.once('connection', (connected: Socket) => {
    socket = connected;
  });
  const stream = await openStream(url, via === 'call' ? { headers, body } : { headers });
  stream.pause();
  const calling = via === 'call' ? undefined : post(url, body, headers);
  const echo = await post(url, callBody('echo', {}, 2), neighbour.headers);
  expect(echo.messages()).toMatchObject([{ id: 2, result: {} }]);
  await until(() => sent === MESSAGES, { what: 'all to be sent' });
  if (calling !== undefined) expect((await calling).messages()).toMatchObject([{ id: 1, result: {} }]);
  return { ...served, clock, stream, socket, sessionId, headers, most };
}

describe.each(['call', 'standalone'] as const)(
  '18. A slow reader of an SSE stream (%s): maxStreamBuffer bounds it, its stream ends, senders never block, other sessions unhurt',
  (via) => {
    test('it never reads on: its connection is cut, and the session is free', async () => {
      const { url, clock, stream, socket, sessionId, headers, most, ...served } = await flood(via);
      expect(most).toBeGreaterThan(MIB / 2);
      expect(most).toBeLessThan(MIB + 4 * KIB);
      await advance(clock, 60_000, 15_000);
      expect(socket?.destroyed).toBe(true);
      await becomesIdle(served, sessionId);
      expect((await post(url, callBody('echo', {}, 3), headers)).messages()).toMatchObject([{ id: 3, result: {} }]);
      stream.resume();
      expect(await withTimeout(stream.closed)).toBe(false);
    });

    test('it reads on: it gets what was held, in order and whole, then the end', async () => {
      const { stream, sessionId, ...served } = await flood(via);
      stream.resume();
      expect(await withTimeout(stream.closed)).toBe(true);
      const got = stream.waiting.map(({ data }) => JSON.parse(data).params.data.n);
      expect(got).toEqual(Array.from(got, (_, n) => n));
      expect(got.length).toBeGreaterThan(MIB / (64 * KIB) / 2);
      expect(got.length).toBeLessThan(MESSAGES);
      await becomesIdle(served, sessionId);
    });
  },
);

test('18. One message larger than maxStreamBuffer still goes out whole', async () => {
  const { url } = await serve({ maxStreamBuffer: 4 * KIB });
  const { headers } = await initialize(url);
  // Alone, as the whole of an answer, and on a stream that is open already.
  const answer = await post(url, callBody('big', { bytes: 3 * MIB }), headers);
  expect(answer.messages()[0]?.result.content[0].text).toHaveLength(3 * MIB);
  const logged = await post(url, callBody('log', { text: 'x'.repeat(2 * MIB) }, 2), headers);
  expect(logged.messages().map(({ params, id }) => params?.data.length ?? id)).toEqual([2 * MIB, 2]);
});

test('18. A quick reader is not taken for a slow one because more than maxStreamBuffer is sent in one go', async () => {
  const { url } = await serve({ maxStreamBuffer: 256 * KIB, server: flooding() });
  const { headers } = await initialize(url);
  const answer = await post(url, callBody('call', { messages: 16, yielding: false }), headers);
  expect(answer.messages()).toHaveLength(17);
  expect(answer.messages().at(-1)).toMatchObject({ id: 1, result: {} });
});
