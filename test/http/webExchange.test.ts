/** An exchange over fetch by itself: what its reader gets, what waits for it, and when it has ended. */
import { describe, expect, test } from 'vitest';
import { handleWeb } from '../../src/http/webExchange.ts';
import type { FetchOptions } from '../../src/index.ts';
import type { Supervisor } from '../../src/supervisor/supervisor.ts';
import type { Exchange } from '../../src/transport/exchange.ts';
import { resolve } from '../support/givenOptions.ts';
import { turns, until } from '../support/until.ts';
import { request as message } from '../transport/transportKit.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const SSE = { 'Content-Type': 'text/event-stream' };

/** An exchange whose request was let in, and that nobody answers but the test. */
async function given({ headers = {}, options = {} }: { headers?: object; options?: FetchOptions } = {}) {
  let exchange: Exchange | undefined;
  const supervisor = {
    options: resolve({ stateless: true }),
    accepting: true,
    outbox: { inTransition: false },
    track: () => {},
    log: () => {},
    stateless: {
      admit: (admitted: Exchange) => {
        exchange = admitted;
        return { answer: async () => {} };
      },
    },
  };
  const abort = new AbortController();
  const init = { method: 'POST', headers: { ...HEADERS, ...headers }, signal: abort.signal };
  const request = new Request('http://a.example:8080/mcp', init);
  const all = Object.defineProperties({ parsedBody: message(1) }, Object.getOwnPropertyDescriptors(options));
  const response = handleWeb(supervisor as unknown as Supervisor, request, all);
  const admitted = await until(() => exchange);
  return { exchange: admitted, response, abort };
}

/** One whose answer is a stream, and its reader. */
async function opened() {
  const all = await given();
  all.exchange.open(SSE);
  const reader = ((await all.response).body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const read = async () => {
    const { value, done } = await reader.read();
    return done ? undefined : decoder.decode(value);
  };
  return { ...all, reader, read };
}

describe('a request', () => {
  test.each([
    [{}, 'a.example:8080'],
    [{ host: 'b.example' }, 'b.example'],
  ])('was sent to the host that it names, or that of its URL: %j', async (headers, host) => {
    expect((await given({ headers })).exchange.hosts).toEqual([host]);
  });

  test('has its method, and its headers and URL as members that can be copied', async () => {
    const { exchange } = await given({ headers: { 'x-test': 'yes' } });
    const { requestInfo } = exchange;
    expect(exchange.method).toBe('POST');
    expect({ ...requestInfo }).toEqual({ headers: { ...HEADERS, 'x-test': 'yes' }, url: expect.any(URL) });
    expect(requestInfo.url.href).toBe('http://a.example:8080/mcp');
    expect(requestInfo.url).toBe(requestInfo.url);
  });

  test.each([
    [{ token: 't', clientId: 'ann', scopes: [] }, true],
    [null, false],
  ])('has who sent it, read once: %j', async (authInfo, known) => {
    let read = 0;
    const options = {
      get authInfo() {
        read++;
        return authInfo as never;
      },
    };
    const { exchange } = await given({ options });
    expect([exchange.authInfo, exchange.authInfo]).toEqual(known ? [authInfo, authInfo] : [undefined, undefined]);
    expect(read).toBe(1);
  });
});

describe('an answer in one', () => {
  test('has its status, its headers and those that were set, comes once, and ends the exchange', async () => {
    const { exchange, response } = await given();
    exchange.setHeader('X-Test', 'yes');
    exchange.respond(202, SSE, 'text');
    expect(exchange.closed).toBe(true);
    exchange.respond(500, {}, 'late');
    exchange.open({});
    const { status, headers } = await response;
    expect([status, headers.get('x-test'), headers.get('content-type')]).toEqual([202, 'yes', 'text/event-stream']);
    expect(await (await response).text()).toBe('text');
  });

  test('may have no body', async () => {
    const { exchange, response } = await given();
    exchange.respond(204, {});
    expect((await response).body).toBe(null);
  });

  test('to a HEAD has none', async () => {
    const supervisor = {
      options: resolve({}),
      accepting: true,
      outbox: { inTransition: false },
      track: () => {},
      log: () => {},
    };
    const request = new Request('http://a.example/', { method: 'HEAD' });
    const { status, body } = await handleWeb(supervisor as unknown as Supervisor, request, undefined);
    expect([status, body]).toEqual([405, null]);
  });
});

describe('a stream', () => {
  test('has its headers and those that were set, what is written, in order, and an end', async () => {
    const { exchange, response } = await given();
    exchange.setHeader('X-Test', 'yes');
    exchange.open(SSE);
    exchange.open({});
    exchange.respond(500, {});
    exchange.write('ü');
    exchange.end('!');
    exchange.write('late');
    exchange.end('late');
    const { status, headers } = await response;
    expect([status, headers.get('x-test'), headers.get('content-type')]).toEqual([200, 'yes', 'text/event-stream']);
    expect(await (await response).text()).toBe('ü!');
    expect(exchange.closed).toBe(true);
  });

  test('is over when all of it is taken, not before', async () => {
    const { exchange, read } = await opened();
    exchange.write('a');
    exchange.end('b');
    expect(exchange.closed).toBe(false);
    expect([await read(), exchange.closed]).toEqual(['a', false]);
    expect(await read()).toBe('b');
    expect([await read(), exchange.closed]).toEqual([undefined, true]);
  });

  test('where nothing waits is over at once', async () => {
    const { exchange, read } = await opened();
    let told = 0;
    exchange.onClose(() => told++);
    exchange.end();
    expect([exchange.closed, told]).toEqual([true, 1]);
    expect(await read()).toBeUndefined();
  });

  test('begins with a comment when it is flushed, unless something was written', async () => {
    const [empty, begun] = [await opened(), await opened()];
    empty.exchange.flush();
    empty.exchange.flush();
    begun.exchange.write('a');
    begun.exchange.flush();
    for (const { exchange } of [empty, begun]) exchange.end('.');
    expect([await empty.read(), await empty.read()]).toEqual([expect.stringMatching(/^:/), '.']);
    expect([await begun.read(), await begun.read()]).toEqual(['a', '.']);
  });

  test('counts as waiting what was there before this turn, in bytes; when it ends, all', async () => {
    const { exchange, read } = await opened();
    const waiting = () => [exchange.buffered, exchange.progress];
    expect(waiting()).toEqual([0, 0]);
    exchange.write('ü');
    expect(waiting()).toEqual([0, 0]);
    await turns(2);
    expect(waiting()).toEqual([2, 2]);
    exchange.write('ab');
    exchange.write('c');
    expect(waiting()).toEqual([2, 2]);
    await turns(2);
    expect(waiting()).toEqual([5, 5]);
    exchange.write('abc');
    await read();
    expect(waiting()).toEqual([3, 3]);
    exchange.end();
    expect(waiting()).toEqual([6, 6]);
  });

  test('of which more is taken than was there before this turn has nothing waiting', async () => {
    const { exchange, reader, read } = await opened();
    const first = read();
    exchange.write('abc');
    expect([exchange.buffered, await first]).toEqual([0, 'abc']);
    await reader.cancel();
  });

  test('whose reader leaves is over, and what is written then is nobody’s', async () => {
    const { exchange, reader } = await opened();
    await reader.cancel();
    expect(exchange.closed).toBe(true);
    exchange.write('late');
    exchange.end('late');
    exchange.destroy();
  });

  test('that is destroyed is an error to its reader', async () => {
    const { exchange, read } = await opened();
    exchange.destroy();
    expect(exchange.closed).toBe(true);
    await expect(read()).rejects.toMatchObject({ name: 'AbortError', message: 'The connection was ended' });
  });

  test('whose request is aborted is over, and ends with the reason', async () => {
    const { exchange, read, abort } = await opened();
    exchange.write('a');
    const reason = new Error('gone');
    abort.abort(reason);
    expect(exchange.closed).toBe(true);
    await turns(1);
    await expect(read()).rejects.toBe(reason);
  });

  test('whose reader leaves in the same moment has no error', async () => {
    const { reader, abort } = await opened();
    abort.abort(new Error('gone'));
    await reader.cancel();
    expect(await reader.closed).toBeUndefined();
  });

  test('that is over hears nothing of an abort', async () => {
    const { exchange, read, abort } = await opened();
    exchange.end();
    abort.abort();
    await turns(1);
    expect(await read()).toBeUndefined();
  });
});

describe('without an answer', () => {
  test.each<[string, (what: Awaited<ReturnType<typeof given>>) => void]>([
    ['destroyed', ({ exchange }) => exchange.destroy()],
    ['aborted', ({ abort }) => abort.abort()],
  ])('one that is %s is over, and whoever waits gets a 408', async (_, end) => {
    const what = await given();
    end(what);
    expect([what.exchange.closed, (await what.response).status]).toEqual([true, 408]);
    what.exchange.respond(200, {});
    what.exchange.write('late');
  });

  test('one whose request was aborted before is over from the beginning', async () => {
    const tracked: boolean[] = [];
    const supervisor = {
      options: resolve({}),
      outbox: { inTransition: false },
      track: ({ closed }: Exchange) => tracked.push(closed),
      log: () => {},
    };
    const request = new Request('http://a.example/', { signal: AbortSignal.abort() });
    const { status } = await handleWeb(supervisor as unknown as Supervisor, request, {});
    expect([status, tracked]).toEqual([408, [true]]);
  });
});

test('tells once that all was taken, at once where nothing waits', async () => {
  const { exchange, read } = await opened();
  const told: string[] = [];
  exchange.onTaken(() => told.push('nothing waits'));
  expect(told).toEqual(['nothing waits']);
  exchange.write('a');
  exchange.write(new TextEncoder().encode('ü'));
  exchange.onTaken(() => told.push('taken'));
  expect(await read()).toBe('a');
  expect(told).toEqual(['nothing waits']);
  expect(await read()).toBe('ü');
  const more = read();
  await until(() => told.length === 2);
  exchange.write('b');
  expect(await more).toBe('b');
  expect(told).toEqual(['nothing waits', 'taken']);
});
