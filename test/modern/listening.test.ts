/** Listen streams of 2026-07-28: what they are told, how they live, and how they end. */
import { describe, expect, test } from 'vitest';
import { rawSocket } from '../support/rawSocket.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { initialize, openStream } from '../support/wire.ts';
import { ask, discover, modernBody, modernHeaders, serveBoth } from './modernServer.ts';

const ALL = {
  toolsListChanged: true,
  promptsListChanged: true,
  resourcesListChanged: true,
  resourceSubscriptions: ['note:///a'],
};
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

const listenBody = (notifications: object = ALL, id: string | number = 'l') =>
  modernBody('subscriptions/listen', { notifications }, id);

const listen = (url: string, notifications: object = ALL, id: string | number = 'l', headers = {}) => {
  const body = listenBody(notifications, id);
  return openStream(url, { body, headers: { ...modernHeaders(body), ...headers } });
};

test('it is acknowledged by what the server has of it, and told of that and nothing else', async () => {
  const { url, supervisor } = await serveBoth({ principal: ({ headers }) => headers['x-user'] as string | undefined });
  const stream = await listen(url, ALL, 'l', { 'x-user': 'ada' });
  expect(await stream.message()).toEqual({
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: {
      notifications: { toolsListChanged: true, resourcesListChanged: true, resourceSubscriptions: ['note:///a'] },
      _meta: { [SUBSCRIPTION]: 'l' },
    },
  });
  supervisor.notify.promptsChanged();
  supervisor.notify.resourceUpdated('note:///b');
  supervisor.notify.toolsChanged();
  supervisor.notify.resourceUpdated('note:///a');
  supervisor.notify.resourcesChanged();
  const _meta = { [SUBSCRIPTION]: 'l' };
  expect(await stream.message()).toMatchObject({ method: 'notifications/tools/list_changed', params: { _meta } });
  expect(await stream.message()).toMatchObject({
    method: 'notifications/resources/updated',
    params: { uri: 'note:///a', _meta },
  });
  expect(await stream.message()).toMatchObject({ method: 'notifications/resources/list_changed' });
  expect([...supervisor.listenStreams()]).toEqual([
    {
      ...{ id: '1', state: 'open', principal: 'ada', clientInfo: { name: 'wire', version: '1.0.0' } },
      ...{ openedAt: expect.any(Number), wants: { tools: true, prompts: true, resources: true, uris: 1 }, sent: 4 },
    },
  ]);
  expect(supervisor.stats()).toMatchObject({ streams: 1, calls: 0, servers: { starting: 0, closing: 0 } });
  stream.destroy();
  await until(() => supervisor.stats().streams === 0);
  expect([...supervisor.listenStreams()]).toEqual([]);
});

test('a session beside it hears nothing of it, and it holds no session', async () => {
  const { url, supervisor } = await serveBoth();
  const { sessionId, headers } = await initialize(url);
  const stream = await listen(url, ALL, 'l', { 'mcp-session-id': sessionId });
  const own = await openStream(url, { headers });
  await stream.message();
  expect(stream.headers).not.toHaveProperty('mcp-session-id');
  supervisor.notify.toolsChanged();
  await stream.message();
  own.destroy();
  await until(() => supervisor.session(sessionId)?.state === 'idle');
  expect(own.waiting).toEqual([]);
  stream.destroy();
});

test.each<[string, object | undefined]>([
  ['nothing', undefined],
  ['what is no filter', { toolsListChanged: 'yes' }],
])('one that wants %s is answered with an error, and is none', async (_, notifications) => {
  const { url, supervisor } = await serveBoth();
  const body = modernBody('subscriptions/listen', notifications === undefined ? {} : { notifications }, 4);
  expect((await ask(url, body)).messages()).toMatchObject([{ id: 4, error: { code: -32602 } }]);
  await until(() => [...supervisor.listenStreams()].length === 0);
  expect(supervisor.stats().streams).toBe(0);
});

test('one that the server has nothing for ends at once, with its result', async () => {
  const { url, supervisor } = await serveBoth();
  const stream = await listen(url, { promptsListChanged: true });
  expect(await stream.message()).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
  expect(await stream.message()).toMatchObject({ id: 'l', result: { resultType: 'complete' } });
  expect(await stream.closed).toBe(true);
  await until(() => [...supervisor.listenStreams()].length === 0);
});

test('it is kept alive by comments', async () => {
  const clock = new SimulatedClock();
  const { url } = await serveBoth({ clock, keepAliveInterval: 1_000 });
  const stream = await listen(url);
  await stream.message();
  for (let n = 0; n < 3; n++) {
    clock.increment(1_000);
    expect(await stream.comment()).toBe('keep-alive');
  }
  stream.destroy();
});

test('a reader that takes nothing is let go of at maxStreamBuffer, and others go on', async () => {
  const { url, port, supervisor } = await serveBoth({ maxStreamBuffer: 8_192 });
  const body = JSON.stringify(listenBody(ALL, 'x'.repeat(512)));
  const headers = Object.entries(modernHeaders(listenBody())).map(([name, value]) => `${name}: ${value}\r\n`);
  const slow = await rawSocket(port);
  slow.write(
    `POST /mcp HTTP/1.1\r\nHost: a\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n${headers.join('')}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  await until(() => [...supervisor.listenStreams()][0]?.state === 'open');
  slow.socket.pause();
  const good = await listen(url);
  await good.message();
  let told = 0;
  await until(
    () => {
      for (let n = 0; n < 100; n++, told++) supervisor.notify.toolsChanged();
      return [...supervisor.listenStreams()].some(({ state }) => state === 'closing');
    },
    { within: 20_000 },
  );
  for (let n = 0; n < told; n++) await good.message();
  expect([...supervisor.listenStreams()].filter(({ state }) => state === 'open')).toHaveLength(1);
  slow.socket.destroy();
  await until(() => [...supervisor.listenStreams()].length === 1);
  good.destroy();
}, 30_000);

describe('what it is asked to hear of', () => {
  test.each([
    [64_000, 200],
    [66_000, 413],
  ])('is kept for as long as it lives, and has the bound of an initialize: %i bytes get %i', async (size, status) => {
    const { url, supervisor } = await serveBoth();
    const stream = await listen(url, { resourceSubscriptions: ['x'.repeat(size)] });
    expect(stream.status).toBe(status);
    expect([...supervisor.listenStreams()]).toHaveLength(status === 200 ? 1 : 0);
    stream.destroy();
  });

  test.each([
    [1_900, 200],
    [2_000, 413],
  ])('may be many values, but no end of them, whoever has parsed them: %i get %i', async (count, status) => {
    const { supervisor, url } = await serveBoth();
    const body = listenBody({ resourceSubscriptions: Array.from({ length: count }, (_, n) => `u:${n}`) });
    const headers = { 'content-type': 'application/json', accept: '*/*', ...modernHeaders(body) };
    const request = new Request(url, { method: 'POST', headers });
    const response = await supervisor.fetch(request, { parsedBody: body });
    expect(response.status).toBe(status);
    await response.body?.cancel();
  });

  test('is not looked at under an id that no request may have', async () => {
    const { url, supervisor } = await serveBoth();
    const response = await ask(url, listenBody(ALL, 'x'.repeat(1_025)));
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ error: { code: -32600 } });
    expect([...supervisor.listenStreams()]).toEqual([]);
    expect(supervisor.stats().streams).toBe(0);
  });
});

describe('a drain', () => {
  test('ends it with its result, waits until that is out, and refuses new ones', async () => {
    const { url, supervisor, gates } = await serveBoth({ shutdownTimeout: 60_000 });
    const body = modernBody('tools/call', { name: 'gate', arguments: { key: 'a' } });
    const calling = ask(url, body);
    const streams = await Promise.all([listen(url, ALL, 'a'), listen(url, ALL, 'b')]);
    await Promise.all([gates.entered('a'), ...streams.map((stream) => stream.message())]);
    const draining = supervisor.drain().then(() => true);
    for (const [n, stream] of streams.entries()) {
      expect(await stream.message()).toMatchObject({
        id: 'ab'[n],
        result: { resultType: 'complete', _meta: { [SUBSCRIPTION]: 'ab'[n] } },
      });
      expect(await stream.closed).toBe(true);
    }
    expect((await discover(url)).status).toBe(503);
    const late = await ask(url, listenBody());
    expect({ status: late.status, retry: late.headers['retry-after'] }).toEqual({ status: 503, retry: '5' });
    gates.open('a');
    expect((await calling).status).toBe(200);
    await until(draining);
  });

  test('does not wait longer than it may for a client that does not read the end', async () => {
    const clock = new SimulatedClock();
    const { port, supervisor } = await serveBoth({ clock, shutdownTimeout: 1_000, maxStreamBuffer: 64 * 1024 * 1024 });
    const body = JSON.stringify(listenBody(ALL, 'x'.repeat(512)));
    const headers = Object.entries(modernHeaders(listenBody())).map(([name, value]) => `${name}: ${value}\r\n`);
    const slow = await rawSocket(port);
    slow.write(
      `POST /mcp HTTP/1.1\r\nHost: a\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n${headers.join('')}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => [...supervisor.listenStreams()][0]?.state === 'open');
    slow.socket.pause();
    for (let n = 0; n < 20_000; n++) supervisor.notify.toolsChanged();
    let drained = false;
    const draining = supervisor.drain().then(() => (drained = true));
    await until(() => [...supervisor.listenStreams()][0]?.state === 'closing');
    await until(() => {
      clock.increment(1_000);
      return drained;
    });
    expect(await draining).toBe(true);
    slow.socket.destroy();
  });

  test('that begins while a stream is being opened ends it when it is', async () => {
    let build = () => {};
    const { url, supervisor } = await serveBoth({
      server: async (context) => {
        await new Promise<void>((resolve) => (build = resolve));
        return (await import('./modernServer.ts')).buildModernServer(context);
      },
    });
    const opening = listen(url);
    await until(() => supervisor.stats().servers.starting === 1);
    const draining = supervisor.drain().then(() => true);
    build();
    const stream = await opening;
    await stream.message();
    expect(await stream.message()).toMatchObject({ id: 'l', result: { resultType: 'complete' } });
    await until(draining);
  });
});

test('streams count among what there may be at a time', async () => {
  const { url, supervisor } = await serveBoth({ maxModernRequests: 2 });
  const streams = [await listen(url), await listen(url)];
  await Promise.all(streams.map((stream) => stream.message()));
  expect((await discover(url)).status).toBe(503);
  streams[0]?.destroy();
  await until(async () => (await discover(url)).status === 200);
  streams[1]?.destroy();
  await until(() => supervisor.stats().streams === 0);
});

test('what has changed may be told where nobody listens, and to a supervisor that serves none', async () => {
  const { supervisor } = await serveBoth({ modern: 'refuse' });
  supervisor.notify.toolsChanged();
  expect([...supervisor.listenStreams()]).toEqual([]);
  expect(() => supervisor.notify.resourceUpdated(1 as never)).toThrow('The URI of a resource must be a string; got 1');
});
