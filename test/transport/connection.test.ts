/** One SSE response: when it opens, what it holds for a slow reader, how it ends. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Connection, type ConnectionLimits } from '../../src/transport/connection.ts';
import type { ResponseHeaders } from '../../src/transport/exchange.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeReply } from './fakeReply.ts';

const HEADERS = { 'Content-Type': 'text/event-stream' };
const INTERVAL = 15_000;

let reply: FakeReply;
let clock: WatchedClock;

beforeEach(() => {
  reply = new FakeReply();
  clock = new WatchedClock();
});

function connect(limits: Partial<ConnectionLimits> = {}, headers: () => ResponseHeaders = () => HEADERS): Connection {
  return new Connection(reply, headers, { clock, keepAliveInterval: INTERVAL, maxStreamBuffer: 100, ...limits });
}

const OPEN = `open ${JSON.stringify(HEADERS)}`;

describe('opening', () => {
  test('a new connection sends nothing', async () => {
    connect();
    await turns(2);
    expect(reply.calls).toEqual([]);
    expect(clock.pending).toEqual([]);
  });

  test('an answer that comes before anything else leaves in one piece', () => {
    const connection = connect();
    connection.end('data: 1\n\n');
    expect(reply.calls).toEqual([`respond 200 ${JSON.stringify(HEADERS)} data: 1\n\n`]);
    expect(connection.closed).toBe(true);
    expect(clock.pending).toEqual([]);
  });

  test('so does an end without an answer', () => {
    connect().end();
    expect(reply.calls).toEqual([`respond 200 ${JSON.stringify(HEADERS)} undefined`]);
  });

  test('an end without an answer has a status of its own, where it is to', () => {
    const limits = { clock, keepAliveInterval: INTERVAL, maxStreamBuffer: 100 };
    new Connection(reply, () => HEADERS, limits, 204).end('data: 1\n\n');
    expect(reply.look()).toEqual([`respond 200 ${JSON.stringify(HEADERS)} data: 1\n\n`]);
    reply = new FakeReply();
    new Connection(reply, () => HEADERS, limits, 204).end();
    expect(reply.calls).toEqual([`respond 204 ${JSON.stringify(HEADERS)} undefined`]);
  });

  test('open sends the headers now, once', () => {
    const connection = connect();
    connection.open();
    connection.open();
    expect(reply.calls).toEqual([OPEN, 'flush']);
  });

  test('the first frame takes the headers along; they are not sent for themselves', () => {
    const connection = connect();
    connection.write('a');
    connection.write('b');
    connection.open();
    expect(reply.calls).toEqual([OPEN, 'write a', 'write b']);
  });

  test('the headers are made when they are sent', () => {
    let made = 0;
    const connection = connect({}, () => ({ 'X-Made': String(++made) }));
    expect(made).toBe(0);
    connection.write('a');
    connection.end('b');
    expect(made).toBe(1);
  });

  describe('where the client is told when to come back', () => {
    const RETRY = 'write retry: 4200\n\n';
    const LIMITS = { clock: new WatchedClock(), keepAliveInterval: Number.POSITIVE_INFINITY, maxStreamBuffer: 100 };
    const told = (retry = 4_200) => new Connection(reply, () => HEADERS, LIMITS, 204, retry);

    test('that is what a stream begins with, however it is opened, and once', async () => {
      const opened = told();
      opened.open();
      opened.open();
      opened.write('a');
      expect(reply.look()).toEqual([OPEN, RETRY, 'flush', 'write a']);
      told().openSoon();
      await turns(1);
      expect(reply.look()).toEqual([OPEN, RETRY, 'flush']);
      const written = told();
      written.write('a');
      written.end('b');
      expect(reply.look()).toEqual([OPEN, RETRY, 'write a', 'write b', 'end']);
    });

    test('0 is a time like any other, and a part of a millisecond a whole one', () => {
      told(0).open();
      told(0.5).open();
      expect(reply.calls.filter((made) => made.startsWith('write'))).toEqual([
        'write retry: 0\n\n',
        'write retry: 1\n\n',
      ]);
    });

    test('what leaves in one write goes without, and so does an end without an answer', () => {
      told().end('data: 1\n\n');
      expect(reply.calls).toEqual([`respond 200 ${JSON.stringify(HEADERS)} data: 1\n\n`]);
      reply = new FakeReply();
      told().end();
      expect(reply.calls).toEqual([`respond 204 ${JSON.stringify(HEADERS)} undefined`]);
    });

    test.each([
      ['opened', true],
      ['not opened', false],
    ])('a first message larger than the bound goes out whole all the same (the stream is %s)', (_, open) => {
      reply.takesAll = false;
      const connection = told();
      if (open) connection.open();
      connection.write('x'.repeat(1_000));
      expect([reply.calls.at(-1), connection.closed]).toEqual([`write ${'x'.repeat(1_000)}`, false]);
      connection.write('y');
      expect(connection.closed).toBe(true);
    });
  });

  test('openSoon sends the headers with the next turn of the event loop', async () => {
    connect().openSoon();
    expect(reply.calls).toEqual([]);
    await turns(1);
    expect(reply.calls).toEqual([OPEN, 'flush']);
  });

  test('openSoon leaves it to an answer that comes in the same turn', async () => {
    const connection = connect();
    connection.openSoon();
    connection.end('data: 1\n\n');
    await turns(2);
    expect(reply.calls).toEqual([`respond 200 ${JSON.stringify(HEADERS)} data: 1\n\n`]);
  });

  test('openSoon with patience leaves it to an answer of a later turn, and opens where none comes', async () => {
    const answered = connect();
    answered.openSoon(10_000);
    await turns(2);
    expect(reply.calls).toEqual([]);
    answered.end('data: 1\n\n');
    expect(reply.calls).toEqual([`respond 200 ${JSON.stringify(HEADERS)} data: 1\n\n`]);

    reply = new FakeReply();
    connect().openSoon(5);
    await until(() => reply.calls.length > 0, { what: 'the headers' });
    expect(reply.calls).toEqual([OPEN, 'flush']);
  });

  test('openSoon does nothing more to one that was written to, or whose peer left', async () => {
    const written = connect();
    written.openSoon();
    written.write('a');
    await turns(2);
    expect(reply.look()).toEqual([OPEN, 'write a']);

    reply = new FakeReply();
    connect().openSoon();
    reply.close();
    await turns(2);
    expect(reply.calls).toEqual([]);
  });

  test('openSoon opens all that wait, and those that come to wait meanwhile', async () => {
    const replies: FakeReply[] = [];
    const soon = (then = () => {}) => {
      reply = new FakeReply();
      replies.push(reply);
      const connection = connect({}, () => {
        then();
        return HEADERS;
      });
      connection.openSoon();
    };
    soon();
    soon(() => soon());
    soon();
    await turns(1);
    expect(replies.map(({ calls }) => calls.length)).toEqual([2, 2, 2, 0]);
    await turns(1);
    expect(replies.map(({ calls }) => calls.length)).toEqual([2, 2, 2, 2]);
  });
});

describe('a reader that is slow', () => {
  beforeEach(() => {
    reply.takesAll = false;
  });

  test('gets what is within the bound, to the byte', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    connection.write('a'.repeat(60));
    connection.write('b'.repeat(40));
    expect(reply.buffered).toBe(100);
    expect(connection.closed).toBe(false);
  });

  test('ends the stream with one byte more, which is not sent', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    connection.write('a'.repeat(60));
    connection.write('b'.repeat(41));
    expect(reply.calls).toEqual([OPEN, `write ${'a'.repeat(60)}`, 'flush', 'end']);
    expect(connection.closed).toBe(true);
    connection.write('c');
    connection.end('d');
    expect(reply.calls).toHaveLength(4);
  });

  test('is measured in bytes, not in characters', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    connection.write('a');
    connection.write('€'.repeat(34));
    expect(connection.closed).toBe(true);
  });

  test('gets one message larger than the bound whole, when nothing waits before it', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    const large = 'x'.repeat(1_000_000);
    connection.write(large);
    expect(reply.calls).toEqual([OPEN, `write ${large}`]);
    expect(connection.closed).toBe(false);
    reply.take();
    connection.write(large);
    expect(connection.closed).toBe(false);
    connection.write('b');
    expect(connection.closed).toBe(true);
  });

  test('gets one answer larger than the bound whole', () => {
    const large = 'x'.repeat(1_000_000);
    connect({ maxStreamBuffer: 100 }).end(large);
    expect(reply.calls).toEqual([`respond 200 ${JSON.stringify(HEADERS)} ${large}`]);
  });

  test('does not get a last frame that does not fit', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    connection.write('a'.repeat(60));
    connection.end('b'.repeat(41));
    expect(reply.calls.slice(2)).toEqual(['flush', 'end']);
  });

  test('gets a last frame that fits', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    connection.write('a');
    connection.end('b');
    expect(reply.calls).toEqual([OPEN, 'write a', 'write b', 'end']);
  });

  test('may catch up', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    for (let n = 0; n < 100; n++) {
      connection.write('a'.repeat(100));
      reply.take();
    }
    expect(connection.closed).toBe(false);
  });

  test('is not ended for what our own side holds back', () => {
    reply.takesOnFlush = true;
    const connection = connect({ maxStreamBuffer: 100 });
    for (let n = 0; n < 100; n++) connection.write('a'.repeat(30));
    expect(connection.closed).toBe(false);
    expect(reply.calls.filter((call) => call.startsWith('write'))).toHaveLength(100);
  });
});

describe('abandoned', () => {
  test('a response that was begun is ended', () => {
    const connection = connect();
    connection.write('a');
    connection.abandon();
    expect(reply.calls).toEqual([OPEN, 'write a', 'end']);
  });

  test('one that was not is left to be answered otherwise', async () => {
    const connection = connect();
    connection.openSoon();
    connection.abandon();
    connection.write('a');
    connection.end('b');
    await turns(2);
    expect(reply.calls).toEqual([]);
    expect([connection.closed, connection.gone]).toEqual([true, false]);
  });
});

describe('a connection that is over', () => {
  test.each([
    ['was ended', (connection: Connection) => connection.end()],
    ['was left by its peer', () => reply.close()],
  ])('takes nothing more: it %s', (_, over) => {
    const connection = connect();
    connection.open();
    over(connection);
    reply.look();
    connection.write('a');
    connection.open();
    connection.end('b');
    connection.end();
    expect(reply.calls).toEqual([]);
    expect(connection.closed).toBe(true);
    expect(clock.pending).toEqual([]);
  });
});
