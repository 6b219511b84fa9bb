/** One SSE response: when it opens, what it holds, how it finds out that its peer is gone. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Connection, type ConnectionLimits, destroyWhenStalled } from '../../src/transport/connection.ts';
import type { Reply, ResponseHeaders } from '../../src/transport/exchange.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const HEADERS = { 'Content-Type': 'text/event-stream' };
const COMMENT = ': keep-alive\n\n';
const INTERVAL = 15_000;
const STALL_TIMEOUT = 30_000;

/** A reply whose peer takes what the test says. */
class FakeReply implements Reply {
  closed = false;
  /** Bytes that the peer has not taken. */
  buffered = 0;
  /** How often the peer has taken something. */
  progress = 0;
  /** What was called, in order. */
  readonly calls: string[] = [];
  /** The peer takes everything at once. */
  takesAll = true;
  /** The peer takes everything with a flush only: what was written waits for the end of the turn. */
  takesOnFlush = false;
  #listeners: (() => void)[] = [];
  #ended = false;

  onClose(listener: () => void): void {
    if (this.closed) listener();
    else this.#listeners.push(listener);
  }

  setHeader(name: string): void {
    this.calls.push(`setHeader ${name}`);
  }

  respond(status: number, headers: ResponseHeaders, body?: string): void {
    this.calls.push(`respond ${status} ${JSON.stringify(headers)} ${body}`);
    this.#ended = true;
    this.#hold(body ?? '');
  }

  open(headers: ResponseHeaders): void {
    this.calls.push(`open ${JSON.stringify(headers)}`);
  }

  flush(): void {
    this.calls.push('flush');
    if (this.takesOnFlush) this.take();
  }

  write(chunk: string): void {
    this.calls.push(`write ${chunk}`);
    this.#hold(chunk);
  }

  end(chunk?: string): void {
    this.calls.push(chunk === undefined ? 'end' : `end ${chunk}`);
    this.#ended = true;
    this.#hold(chunk ?? '');
  }

  destroy(): void {
    this.calls.push('destroy');
    this.close();
  }

  /** The peer takes so many bytes, or all that there are. */
  take(bytes = this.buffered): void {
    this.buffered -= bytes;
    if (bytes > 0) this.progress++;
    if (this.#ended && this.buffered === 0) this.close();
  }

  close(): void {
    this.closed = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** The calls since the last look. */
  look(): string[] {
    return this.calls.splice(0);
  }

  #hold(chunk: string): void {
    this.buffered += Buffer.byteLength(chunk);
    if (this.takesAll) this.take();
  }
}

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

describe('keep-alive', () => {
  test('comments go out at every interval, once it is open', () => {
    const connection = connect();
    clock.increment(10 * INTERVAL);
    expect(reply.calls).toEqual([]);
    connection.open();
    reply.look();
    clock.increment(INTERVAL - 1);
    expect(reply.look()).toEqual([]);
    clock.increment(1);
    expect(reply.look()).toEqual([`write ${COMMENT}`]);
    for (let n = 0; n < 5; n++) clock.increment(INTERVAL);
    expect(reply.look()).toEqual(Array(5).fill(`write ${COMMENT}`));
  });

  test('there is one timer, however it was opened and whatever is written', () => {
    const connection = connect();
    connection.write('a');
    connection.open();
    connection.write('b');
    expect(clock.pending).toEqual([{ delay: INTERVAL, due: INTERVAL }]);
  });

  test.each([
    ['it ends', (connection: Connection) => connection.end('last')],
    ['its peer leaves', () => reply.close()],
  ])('stops when %s', (_, happen) => {
    const connection = connect();
    connection.open();
    clock.increment(INTERVAL);
    happen(connection);
    reply.look();
    expect(clock.pending).toEqual([]);
    clock.increment(10 * INTERVAL);
    expect(reply.look()).toEqual([]);
  });

  test('Infinity: there is none, and no timer', () => {
    const connection = connect({ keepAliveInterval: Number.POSITIVE_INFINITY });
    connection.open();
    connection.write('a');
    expect(clock.calls.setTimeout).toBe(0);
  });

  test('a peer that takes nothing of what waits, from one interval to the next, is dead', () => {
    const connection = connect();
    connection.open();
    reply.takesAll = false;
    connection.write('a');
    clock.increment(INTERVAL);
    expect(reply.closed).toBe(false);
    clock.increment(INTERVAL - 1);
    expect(reply.closed).toBe(false);
    clock.increment(1);
    expect(reply.calls.at(-1)).toBe('destroy');
    expect(connection.closed).toBe(true);
    expect(clock.pending).toEqual([]);
  });

  test('the comment itself finds out, when there is nothing else to send', () => {
    connect().open();
    reply.takesAll = false;
    clock.increment(INTERVAL);
    clock.increment(INTERVAL);
    expect(reply.closed).toBe(false);
    clock.increment(INTERVAL);
    expect(reply.calls.at(-1)).toBe('destroy');
  });

  test('no comment is sent while something waits for the peer', () => {
    const connection = connect({ maxStreamBuffer: 100 });
    connection.open();
    reply.takesAll = false;
    connection.write('a'.repeat(95));
    reply.look();
    for (let n = 0; n < 5; n++) {
      clock.increment(INTERVAL);
      reply.take(1);
    }
    expect(reply.look()).toEqual([]);
    reply.take();
    clock.increment(INTERVAL);
    expect(reply.look()).toEqual([`write ${COMMENT}`]);
    expect(connection.closed).toBe(false);
  });

  test('whatever is written to a dead peer meanwhile, it is dead', () => {
    const connection = connect({ maxStreamBuffer: 10_000 });
    connection.open();
    reply.takesAll = false;
    for (let n = 0; n < 30 && !reply.closed; n++) {
      connection.write('more');
      clock.increment(INTERVAL / 10);
    }
    expect(clock.now()).toBe(2 * INTERVAL);
    expect(reply.closed).toBe(true);
  });

  test('a peer that has taken everything by then is not', () => {
    const connection = connect();
    connection.open();
    reply.takesAll = false;
    for (let n = 0; n < 10; n++) {
      connection.write('a');
      clock.increment(INTERVAL);
      reply.take();
    }
    expect(reply.closed).toBe(false);
  });

  test('a peer that is slow, but takes something, is not', () => {
    const connection = connect({ maxStreamBuffer: 10_000 });
    connection.open();
    reply.takesAll = false;
    connection.write('a'.repeat(1_000));
    for (let n = 0; n < 20; n++) {
      clock.increment(INTERVAL);
      reply.take(40);
      expect(reply.buffered).toBeGreaterThan(0);
    }
    expect(reply.closed).toBe(false);
    // And when it takes no more, it is found out.
    clock.increment(INTERVAL);
    clock.increment(INTERVAL);
    expect(reply.closed).toBe(true);
  });

  test('a peer that reads behind, but reads what comes, is not', () => {
    const connection = connect({ maxStreamBuffer: 10_000 });
    connection.open();
    reply.takesAll = false;
    connection.write('a'.repeat(200));
    for (let n = 0; n < 20; n++) {
      connection.write('b'.repeat(300));
      reply.take(300);
      clock.increment(INTERVAL);
    }
    expect(reply.buffered).toBe(200);
    expect(reply.closed).toBe(false);
  });
});

describe('stalled', () => {
  test('is true from when something waited at one interval until the peer takes of it', () => {
    const connection = connect();
    connection.open();
    reply.takesAll = false;
    connection.write('abc');
    expect(connection.stalled).toBe(false);
    clock.increment(INTERVAL);
    expect(connection.stalled).toBe(true);
    reply.take(1);
    expect(connection.stalled).toBe(false);
    clock.increment(INTERVAL);
    expect(connection.stalled).toBe(true);
    reply.take();
    expect(connection.stalled).toBe(false);
  });

  test('is false while nothing waits', () => {
    const connection = connect();
    expect(connection.stalled).toBe(false);
    connection.open();
    clock.increment(5 * INTERVAL);
    expect(connection.stalled).toBe(false);
  });
});

test('a probe is a comment, now', () => {
  const connection = connect();
  connection.open();
  reply.look();
  connection.probe();
  expect(reply.look()).toEqual([`write ${COMMENT}`]);
  reply.close();
  connection.probe();
  expect(reply.look()).toEqual([]);
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

describe('an answer that has ended and is not taken', () => {
  beforeEach(() => {
    reply.takesAll = false;
  });

  test.each([
    ['opened before', (connection: Connection) => connection.write('a')],
    ['in one piece', () => {}],
  ])('is cut off after a while: %s', (_, before) => {
    const connection = connect();
    before(connection);
    connection.end('b');
    expect(connection.closed).toBe(true);
    expect(reply.closed).toBe(false);
    expect(clock.pending).toEqual([{ delay: STALL_TIMEOUT, due: STALL_TIMEOUT }]);
    clock.increment(STALL_TIMEOUT - 1);
    expect(reply.closed).toBe(false);
    clock.increment(1);
    expect(reply.calls.at(-1)).toBe('destroy');
    expect(clock.pending).toEqual([]);
  });

  test('has the time anew for every bit that is taken', () => {
    connect().end('x'.repeat(10));
    for (let n = 0; n < 9; n++) {
      reply.take(1);
      clock.increment(STALL_TIMEOUT);
      expect(reply.closed).toBe(false);
    }
    clock.increment(STALL_TIMEOUT - 1);
    expect(reply.closed).toBe(false);
    clock.increment(1);
    expect(reply.calls.at(-1)).toBe('destroy');
  });

  test('is let go when it is taken, and keeps no timer', () => {
    connect().end('a');
    reply.take();
    expect(reply.closed).toBe(true);
    expect(clock.pending).toEqual([]);
    expect(reply.calls).not.toContain('destroy');
  });

  test('keeps no timer when its peer leaves, however often it was looked at', () => {
    connect().end('x'.repeat(10));
    for (let n = 0; n < 3; n++) {
      reply.take(1);
      clock.increment(STALL_TIMEOUT);
    }
    reply.close();
    expect(clock.pending).toEqual([]);
  });
});

describe('destroyWhenStalled', () => {
  test('has nothing to do for an answer that is taken, or gone', () => {
    destroyWhenStalled(reply, clock);
    reply.buffered = 10;
    reply.close();
    destroyWhenStalled(reply, clock);
    expect(clock.calls.setTimeout).toBe(0);
  });

  test('watches any reply', () => {
    reply.takesAll = false;
    reply.respond(200, {}, '{"jsonrpc":"2.0"}');
    destroyWhenStalled(reply, clock);
    clock.increment(STALL_TIMEOUT);
    expect(reply.calls.at(-1)).toBe('destroy');
  });
});
