/** An exchange over node:http's own request and response, on a connection of the test's. */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { NodeExchange } from '../../src/http/nodeExchange.ts';
import type { LogEntry } from '../../src/options.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

class Wire extends Duplex {
  readonly sent: Buffer[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.sent.push(Buffer.from(chunk));
    done();
  }

  get text(): string {
    return Buffer.concat(this.sent).toString();
  }
}

interface Given {
  readonly request?: object;
  /** It waits for those before it. */
  readonly waits?: boolean;
  readonly keepAliveInterval?: number;
  /** Its body has come. */
  readonly complete?: boolean;
  before?(response: ServerResponse): void;
}

function given({ request: members = {}, waits = false, complete = true, before, ...options }: Given = {}) {
  const wire = new Wire();
  const socket = Object.assign(wire as unknown as Socket, { setTimeout: () => wire });
  const request = Object.assign(new IncomingMessage(socket), { httpVersionMajor: 1, httpVersionMinor: 1, complete });
  Object.assign(request, { method: 'POST', url: '/mcp' }, members);
  const response = new ServerResponse(request);
  if (!waits) response.assignSocket(socket);
  before?.(response);
  const log: LogEntry[] = [];
  const clock = new WatchedClock();
  const host = {
    options: { clock, keepAliveInterval: Number.POSITIVE_INFINITY, ...options },
    log: (entry: LogEntry) => void log.push(entry),
  };
  const exchange = new NodeExchange(request, response, undefined, host);
  const pending = () => clock.pending.map(({ delay }) => delay);
  return { wire, request, response, log, clock, exchange, pending };
}

describe('of a request it knows', () => {
  test.each([
    [['Host', 'a.example'], '/mcp', ['a.example']],
    [['HOST', 'a.example', 'X-Host', 'x', 'host', 'b.example'], '/mcp', ['a.example', 'b.example']],
    [['X', 'Host', 'Y', 'y', 'Hosts', 'z', ':authority-x', 'z'], '/mcp', []],
    [[':authority', 'a.example'], '/mcp', ['a.example']],
    [['Host', 'a.example'], 'http://b.example:8080/mcp', ['a.example', 'b.example:8080']],
    [['Host', 'a.example'], 'http://b.example/', ['a.example', 'b.example']],
    [['Host', 'a.example'], '*', ['a.example']],
    [[], undefined, []],
  ])('every host that it was sent to: %j %s', (rawHeaders, url, hosts) => {
    expect(given({ request: { rawHeaders, url } }).exchange.hosts).toEqual(hosts);
  });

  test('the whole, as a web-standard Request without pseudo-headers', () => {
    const headers = { ':path': '/mcp', host: 'a.example', 'x-list': ['a', 'b'], 'x-none': undefined };
    const { exchange } = given({ request: { headers } });
    const { method, url, headers: copied } = exchange.request;
    expect([method, url]).toEqual(['POST', 'http://a.example/mcp']);
    expect(Object.fromEntries(copied)).toEqual({ host: 'a.example', 'x-list': 'a, b' });
  });

  test('the method, which may be none, and its information, made once', () => {
    const { exchange } = given({ request: { method: undefined } });
    expect(exchange.method).toBe('');
    expect(exchange.requestInfo).toBe(exchange.requestInfo);
  });

  test.each([
    [{ clientId: 'ann' }, { clientId: 'ann' }],
    [null, undefined],
  ])('who sent it, read once: %j', (auth, known) => {
    let read = 0;
    const { exchange, request } = given();
    const get = () => {
      read++;
      return auth;
    };
    Object.defineProperty(request, 'auth', { get });
    expect([exchange.authInfo, exchange.authInfo]).toEqual([known, known]);
    expect(read).toBe(1);
  });
});

describe('an answer', () => {
  const headers = { 'Content-Type': 'text/plain' };

  test.each([
    ['short', 'ü'],
    ['of 64 KiB and more', 'ü'.repeat(65_536)],
    ['empty', ''],
    ['none', undefined],
  ])('leaves whole, with its length in bytes: %s', async (_, body) => {
    const { wire, exchange } = given();
    exchange.respond(200, headers, body);
    await turns(2);
    const [head = '', rest] = wire.text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: text\/plain\r\n/);
    expect(head).toContain(`\r\nContent-Length: ${Buffer.byteLength(body ?? '')}\r\n`);
    expect(rest).toBe(body ?? '');
  });

  test('is handed to node as bytes from 64 KiB on, and a shorter one as text', () => {
    const [short, long] = ['x'.repeat(65_535), 'x'.repeat(65_536)];
    const handed: boolean[] = [];
    const watch = (response: ServerResponse) => {
      for (const name of ['write', 'end'] as const) {
        const spied = response[name] as (chunk: unknown) => unknown;
        response[name] = ((chunk: unknown) => {
          handed.push(Buffer.isBuffer(chunk));
          return spied.call(response, chunk);
        }) as never;
      }
    };
    for (const text of [short, long]) {
      given({ before: watch }).exchange.respond(200, headers, text);
      const { exchange } = given({ before: watch });
      exchange.open(headers);
      exchange.write(text);
      exchange.end(text);
    }
    expect(handed).toEqual([false, false, false, true, true, true]);
  });

  test('of status 204 has no length', async () => {
    const { wire, log, exchange } = given();
    exchange.respond(204, headers);
    await turns(2);
    expect(wire.text).toMatch(/^HTTP\/1.1 204 No Content\r\n/);
    expect([wire.text.includes('Content-Length'), log]).toEqual([false, []]);
  });

  test('behind middleware that wraps writeHead gets its headers as an object', async () => {
    const asked: unknown[] = [];
    const wrap = (response: ServerResponse) => {
      const { writeHead } = response;
      response.writeHead = (...args: unknown[]) => {
        asked.push(args);
        return Reflect.apply(writeHead, response, args) as ServerResponse;
      };
    };
    const [plain, empty] = [given({ before: wrap }), given({ before: wrap })];
    plain.exchange.respond(200, headers, 'ü');
    empty.exchange.respond(204, headers);
    expect(asked).toStrictEqual([
      [200, { ...headers, 'Content-Length': '2' }],
      [204, headers],
    ]);
  });

  test('comes once, and nothing is written after its end', async () => {
    const { wire, log, exchange, response } = given();
    const errors: unknown[] = [];
    response.on('error', (error) => errors.push(error));
    exchange.open(headers);
    exchange.open({ 'Content-Type': 'text/html' });
    exchange.respond(500, headers, 'late');
    exchange.write('ü');
    exchange.end('!');
    exchange.write('late');
    exchange.end('late');
    await turns(2);
    expect(wire.text).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: text\/plain\r\n/);
    expect(wire.text).toMatch(/\r\n\r\n2\r\nü\r\n1\r\n!\r\n0\r\n\r\n$/);
    expect([wire.text.includes('late'), log, errors]).toEqual([false, [], []]);
  });

  test('that is flushed leaves within the turn', () => {
    const { wire, exchange } = given();
    exchange.open(headers);
    exchange.flush();
    expect(wire.text).toMatch(/\r\n\r\n$/);
  });

  test('that waits for its turn may be flushed all the same', () => {
    const { wire, log, exchange } = given({ waits: true });
    exchange.open(headers);
    exchange.flush();
    expect([wire.text, log, exchange.closed]).toEqual(['', [], false]);
  });

  test('that can not be written ends its connection, is logged, and is not tried again', () => {
    const error = new Error('broken');
    let tried = 0;
    const before = (response: ServerResponse) => {
      for (const name of ['writeHead', 'setHeader', 'write', 'end', 'flushHeaders'] as const) {
        response[name] = () => {
          tried++;
          throw error;
        };
      }
    };
    const { wire, log, exchange } = given({ before });
    exchange.respond(200, headers);
    exchange.respond(200, headers);
    exchange.open(headers);
    exchange.setHeader('X', 'x');
    exchange.write('x');
    exchange.flush();
    exchange.end();
    const message = 'A response could not be written, and its connection is ended';
    expect(log).toEqual([{ level: 'error', event: 'response.failed', message, error }]);
    expect([tried, exchange.closed, wire.destroyed]).toEqual([1, true, true]);
  });
});

describe('its end', () => {
  test('is told when the response closes, before middleware hears of it', async () => {
    const told: string[] = [];
    const { exchange, response } = given({ before: (res) => res.on('close', () => told.push('middleware')) });
    exchange.onClose(() => told.push('exchange'));
    expect(exchange.closed).toBe(false);
    response.emit('close');
    expect([exchange.closed, told]).toEqual([true, ['exchange', 'middleware']]);
  });

  test.each(['destroyed', 'closed'])('has come where the response was %s before', (state) => {
    const before = (response: ServerResponse) => void Object.defineProperty(response, state, { value: true });
    const { exchange } = given({ before });
    let told = false;
    exchange.onClose(() => (told = true));
    expect([exchange.closed, told]).toEqual([true, true]);
  });

  test('comes with that of the connection, while it waits for its turn', () => {
    const { wire, exchange } = given({ waits: true });
    expect(exchange.closed).toBe(false);
    wire.emit('close');
    expect(exchange.closed).toBe(true);
  });

  test('makes the connection be tried, where it waits and nowhere else', () => {
    const keepAliveInterval = 15_000;
    const pending = (waits: boolean) => given({ waits, keepAliveInterval }).pending();
    expect([pending(true), pending(false)]).toEqual([[keepAliveInterval], []]);
  });

  test('has come where the connection has ended that it would wait for', () => {
    const gone = given({ waits: true, before: ({ req }) => void req.socket.destroy() });
    expect(gone.exchange.closed).toBe(true);
  });

  test('comes at once when it is destroyed, whether it waits or not', () => {
    const [waiting, first] = [given({ waits: true }), given()];
    for (const { exchange, response } of [waiting, first]) {
      exchange.destroy();
      expect(response.destroyed).toBe(true);
    }
    expect([waiting.exchange.closed, waiting.wire.destroyed, first.wire.destroyed]).toEqual([true, false, true]);
    // Those before it on its connection are answered first.
    waiting.response.assignSocket(waiting.wire as unknown as Socket);
    expect(waiting.wire.destroyed).toBe(true);
  });
});

test('how far its reader is, by the socket where that tells, else by the response', () => {
  const { wire, response, exchange } = given();
  Object.defineProperty(response, 'writableLength', { value: 7 });
  expect([exchange.buffered, exchange.progress]).toEqual([7, 7]);
  Object.assign(wire, { _handle: { writeQueueSize: 3 } });
  expect(exchange.progress).toBe(3);
  Object.assign(wire, { _handle: null });
  expect(exchange.progress).toBe(7);
});

test('one that waits for its turn always gets on', () => {
  const { exchange } = given({ waits: true });
  expect([exchange.progress, exchange.progress]).toEqual([1, 2]);
});

describe('answered before its body has come', () => {
  const LINGER = 2_000;
  const answers = {
    respond: (exchange: NodeExchange) => exchange.respond(413, {}),
    open: (exchange: NodeExchange) => exchange.open({}),
  };

  describe.each(Object.entries(answers))('by %s', (_, answer) => {
    test('the body is read for two seconds', () => {
      const { request, clock, exchange, pending } = given({ complete: false });
      answer(exchange);
      expect(pending()).toEqual([LINGER]);
      clock.increment(LINGER - 1);
      expect(request.destroyed).toBe(false);
      clock.increment(1);
      expect(request.destroyed).toBe(true);
    });

    test('not at all where it has come', () => {
      const { exchange, pending, request } = given();
      answer(exchange);
      expect([pending(), request.listenerCount('data')]).toEqual([[], 0]);
    });
  });

  test.each([
    ['bytes', Buffer.alloc(128 * 1024)],
    ['text', 'x'.repeat(128 * 1024)],
  ])('at most 256 KiB of it are read, as %s', (_, chunk) => {
    const { request, exchange } = given({ complete: false });
    exchange.respond(413, {});
    request.emit('data', chunk);
    request.emit('data', chunk);
    expect(request.destroyed).toBe(false);
    request.emit('data', 'x');
    expect(request.destroyed).toBe(true);
  });

  test.each([
    ['the body', ({ request }: ReturnType<typeof given>) => request.emit('end')],
    ['the request', ({ request }) => request.emit('close')],
    ['the connection', ({ wire }) => wire.emit('close')],
  ])('nothing is left of it once %s has ended', (_, end) => {
    const what = given({ complete: false });
    what.exchange.respond(413, {});
    end(what);
    expect(what.pending()).toEqual([]);
  });

  test('of HTTP/2, whose request has no connection once its client has left, it is read all the same', () => {
    const { exchange, request, pending } = given({ request: { httpVersionMajor: 2, socket: null }, complete: false });
    exchange.respond(413, {});
    expect(pending()).toEqual([LINGER]);
    request.emit('end');
    expect(pending()).toEqual([]);
  });

  test('an error of its request, or of the response, is nobody’s', () => {
    const { request, response, exchange } = given({ complete: false });
    exchange.respond(413, {});
    expect(request.emit('error', new Error('gone'))).toBe(true);
    expect(response.emit('error', new Error('gone'))).toBe(true);
  });

  test('while it waits for its turn, time and bytes do not count', () => {
    const { wire, request, response, exchange, pending } = given({ complete: false, waits: true });
    exchange.respond(413, {});
    request.emit('data', Buffer.alloc(300 * 1024));
    expect([pending(), request.destroyed]).toEqual([[], false]);
    response.assignSocket(wire as unknown as Socket);
    expect(pending()).toEqual([LINGER]);
  });

  test('one whose request is over before its turn does not begin', () => {
    const { wire, request, response, exchange, pending } = given({ complete: false, waits: true });
    exchange.respond(413, {});
    request.emit('end');
    response.assignSocket(wire as unknown as Socket);
    expect(pending()).toEqual([]);
  });
});

test('tells once that enough was taken, at once where little waits', () => {
  const { exchange, response, wire } = given();
  wire._write = () => {}; // it takes nothing
  const told: string[] = [];
  exchange.open({ 'Content-Type': 'text/event-stream' });
  exchange.onTaken(() => told.push('little waits'));
  expect(told).toEqual(['little waits']);
  exchange.write(Buffer.alloc(100_000));
  exchange.onTaken(() => told.push('taken'));
  expect(told).toEqual(['little waits']);
  for (let n = 0; n < 2; n++) response.emit('drain'); // as node:http does when the socket has taken it
  expect(told).toEqual(['little waits', 'taken']);
});
