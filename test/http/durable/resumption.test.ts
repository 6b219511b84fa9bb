/** What was before a restore, and comes after it: event ids, streams that were cut, and answers of another incarnation. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore, createMemorySessionStore } from '../../../src/index.ts';
import { until } from '../../support/until.ts';
import { call, calling, listen, open, post, rests, start } from './life.ts';

const HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

/** A session with an event store, and the next process over both stores. */
async function durable() {
  const [sessionStore, eventStore] = [createMemorySessionStore(), createMemoryEventStore()];
  const first = start(sessionStore, { eventStore });
  const id = await open(first);
  return { id, first, next: () => start(sessionStore, { eventStore }) };
}

/** Calls a tool, and reads the ids of the events that come until `stop`. */
async function streaming(
  { supervisor }: { supervisor: { fetch(request: Request): Promise<Response> } },
  id: string,
  body: object,
) {
  const response = await supervisor.fetch(
    new Request('http://localhost/mcp', {
      method: 'POST',
      headers: { ...HEADERS, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    }),
  );
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  while (!/^id: /m.test(text)) text += new TextDecoder().decode((await reader.read()).value);
  const rest = async () => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      text += new TextDecoder().decode(piece.value);
    }
    return text;
  };
  return { eventId: /^id: (.*)$/m.exec(text)?.[1] as string, rest };
}

const resume = (process: Parameters<typeof listen>[0], id: string, lastEventId: string) =>
  listen(process, id, { 'last-event-id': lastEventId, 'mcp-protocol-version': '2025-11-25' });

describe('an event id of before', () => {
  test('of a call that the kill cut off: its stream says that, once, and ends', async () => {
    const { id, first, next } = await durable();
    const { eventId } = await streaming(first, id, calling('gate', { key: 'a' }, 'cut'));
    await first.gates.entered('a');
    const second = next();
    for (let n = 0; n < 2; n++) {
      const stream = await resume(second, id, eventId);
      expect(await stream.next()).toMatchObject({ id: 'cut', error: { code: -32000 } });
      await until(() => stream.ended);
      expect(stream.messages).toEqual([]);
    }
    await rests(second, id);
  });

  test('of a call that was answered: its answer comes again', async () => {
    const { id, first, next } = await durable();
    const { eventId, rest } = await streaming(first, id, calling('gate', { key: 'a' }, 'answered'));
    await first.gates.entered('a');
    first.gates.open('a');
    expect(await rest()).toContain('passed a');
    const stream = await resume(next(), id, eventId);
    expect(await stream.next()).toMatchObject({ id: 'answered', result: { content: [{ text: 'passed a' }] } });
    await until(() => stream.ended);
  });

  test('of the GET stream: what is left comes, then what the present server says, and nothing of the replay', async () => {
    const { id, first, next } = await durable();
    const stream = await listen(first, id, { 'mcp-protocol-version': '2025-11-25' });
    await until(() => stream.ids.length > 0);
    await call(first, id, 'log', { level: 'error' });
    expect(await stream.next()).toMatchObject({ params: { data: 'error' } });
    const seen = stream.ids[0] as string;
    const second = next();
    const resumed = await resume(second, id, seen);
    expect(await resumed.next()).toMatchObject({ params: { data: 'error' } });
    await call(second, id, 'log', { level: 'debug' });
    expect(await resumed.next()).toMatchObject({ params: { data: 'debug' } });
    expect(resumed.text).not.toContain('protocolVersion');
    const third = next();
    const again = await resume(third, id, resumed.ids.at(-1) as string);
    await call(third, id, 'log', { level: 'debug' });
    expect(await again.next()).toMatchObject({ params: { data: 'debug' } });
    await Promise.all([stream.cancel(), resumed.cancel(), again.cancel()]);
  });

  test('that never was: 400', async () => {
    const { id, next } = await durable();
    expect((await resume(next(), id, 'nonsense')).status).toBe(400);
  });

  test('a call of now and one of before under the same id have nothing to do with each other', async () => {
    const { id, first, next } = await durable();
    const { eventId } = await streaming(first, id, calling('gate', { key: 'a' }, 7));
    await first.gates.entered('a');
    const second = next();
    const now = streaming(second, id, calling('gate', { key: 'a' }, 7));
    await second.gates.entered('a');
    const stream = await resume(second, id, eventId);
    expect(await stream.next()).toMatchObject({ id: 7, error: { code: -32000 } });
    second.gates.open('a');
    expect(await (await now).rest()).toContain('passed a');
  });
});

describe('an answer of before', () => {
  test('to a question of the same number: 202, and the new question stays open until its own', async () => {
    const { id, first, next } = await durable();
    const before = await listen(first, id);
    const server = first.supervisor.server(id) as unknown as { server: { listRoots(): Promise<unknown> } };
    void server.server.listRoots().catch(() => {});
    const old = await before.next();
    expect(old).toMatchObject({ method: 'roots/list', id: 0 });

    const second = next();
    const stream = await listen(second, id);
    const asker = second.supervisor.server(id) as unknown as { server: { listRoots(): Promise<{ roots: unknown[] }> } };
    let answer: { roots: unknown[] } | undefined;
    void asker.server.listRoots().then((roots) => {
      answer = roots;
    });
    const asked = await stream.next();
    expect(asked).toMatchObject({ method: 'roots/list', id: '2.0' });
    const stale = [{ uri: 'file:///old' }];
    expect((await post(second, { id: old.id, result: { roots: stale } }, id)).status).toBe(202);
    expect((await post(second, { id: '1.0', result: { roots: stale } }, id)).status).toBe(202);
    const progress = { method: 'notifications/progress', params: { progressToken: 0, progress: 1 } };
    expect((await post(second, progress, id)).status).toBe(202);
    await call(second, id, 'count');
    expect(answer).toBeUndefined();
    expect((await post(second, { id: asked.id, result: { roots: [] } }, id)).status).toBe(202);
    await until(() => answer !== undefined);
    expect(answer).toEqual({ roots: [] });
    await Promise.all([before.cancel(), stream.cancel()]);
  });

  test('a cancellation of a call of before cancels no call of now', async () => {
    const { id, first, next } = await durable();
    await streaming(first, id, calling('gate', { key: 'a' }, 'old'));
    await first.gates.entered('a');
    const second = next();
    const called = call(second, id, 'gate', { key: 'b' });
    await second.gates.entered('b');
    const cancelled = { method: 'notifications/cancelled', params: { requestId: 'old' } };
    expect((await post(second, cancelled, id)).status).toBe(202);
    second.gates.open('b');
    expect(await called).toBe('passed b');
  });
});

describe('what a restored server says by itself before its client has its GET stream back', () => {
  /** A session of a next process, woken by a call, in which the server has said something already. */
  async function woken(said: (server: LoggingServer) => unknown) {
    const { id, first, next } = await durable();
    const stream = await listen(first, id, { 'mcp-protocol-version': '2025-11-25' });
    await until(() => stream.ids.length > 0);
    await stream.cancel();
    const second = next();
    await call(second, id, 'count');
    await said(second.supervisor.server(id) as unknown as LoggingServer);
    return { id, second, seen: stream.ids[0] as string };
  }

  interface LoggingServer {
    server: {
      sendLoggingMessage(params: { level: 'error'; data: string }): Promise<void>;
      listRoots(): Promise<unknown>;
    };
  }

  const saying = (data: string) => (server: LoggingServer) =>
    server.server.sendLoggingMessage({ level: 'error', data });

  test.each(['resumed', 'new'] as const)('comes when that is %s, once, and may be resumed from', async (how) => {
    const { id, second, seen } = await woken(saying('early'));
    const stream =
      how === 'resumed'
        ? await resume(second, id, seen)
        : await listen(second, id, { 'mcp-protocol-version': '2025-11-25' });
    expect(await stream.next()).toMatchObject({ params: { data: 'early' } });
    const priming = stream.ids[0] as string;
    await saying('late')(second.supervisor.server(id) as unknown as LoggingServer);
    expect(await stream.next()).toMatchObject({ params: { data: 'late' } });
    await stream.cancel();
    const again = await resume(second, id, priming);
    expect([await again.next(), await again.next()]).toMatchObject([
      { params: { data: 'early' } },
      { params: { data: 'late' } },
    ]);
    const other = await listen(second, id, { 'mcp-protocol-version': '2025-11-25' });
    await until(() => other.ids.length > 0);
    expect(other.messages).toEqual([]);
    await Promise.all([again.cancel(), other.cancel()]);
  });

  test('is lost when the client does not come for longer than resumeTimeout', async () => {
    const { id, second, seen } = await woken(saying('early'));
    second.clock.set(second.clock.now() + 300_000);
    const stream = await resume(second, id, seen);
    await saying('late')(second.supervisor.server(id) as unknown as LoggingServer);
    expect(await stream.next()).toMatchObject({ params: { data: 'late' } });
    await stream.cancel();
  });

  test('a question is refused as before: somebody waits for its answer', async () => {
    await woken(({ server }) => expect(server.listRoots()).rejects.toMatchObject({ code: 'NO_STREAM' }));
  });
});
