/** One SSE response and its peer: kept alive while it takes something, cut off when it does not. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Connection, type ConnectionLimits, destroyWhenStalled } from '../../src/transport/connection.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeReply } from './fakeReply.ts';

const HEADERS = { 'Content-Type': 'text/event-stream' };
const COMMENT = ': keep-alive\n\n';
const INTERVAL = 15_000;
const STALL_TIMEOUT = 30_000;

let reply: FakeReply;
let clock: WatchedClock;

beforeEach(() => {
  reply = new FakeReply();
  clock = new WatchedClock();
});

function connect(limits: Partial<ConnectionLimits> = {}): Connection {
  return new Connection(reply, () => HEADERS, { clock, keepAliveInterval: INTERVAL, maxStreamBuffer: 100, ...limits });
}

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

  test.each(['when it is asked for a timer', 'when it fires what was cleared'])(
    'leaves no timer to a clock that misbehaves: it ends the connection %s',
    (when) => {
      const timers: (() => void)[] = [];
      const asked = when === 'when it is asked for a timer';
      const misbehaving = {
        now: () => 0,
        setTimeout: (fn: () => void) => {
          if (asked) connection.end();
          return timers.push(fn);
        },
        clearTimeout: (handle?: number) => void (asked && handle !== undefined && timers.splice(handle - 1, 1)),
      };
      const connection = connect({ clock: misbehaving });
      connection.open();
      connection.end();
      expect(timers).toHaveLength(asked ? 0 : 1);
      for (const fire of timers.splice(0)) fire();
      expect(timers).toEqual([]);
      expect(reply.calls.filter((call) => call === 'end')).toHaveLength(1);
    },
  );

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

  test('is false for a peer that has taken all, whatever its progress says', () => {
    const connection = connect();
    connection.open();
    reply.takesAll = false;
    connection.write('abc');
    clock.increment(INTERVAL);
    expect(connection.stalled).toBe(true);
    reply.buffered = 0; // `progress` means something only while something waits
    expect(connection.stalled).toBe(false);
    reply.look();
    clock.increment(INTERVAL);
    expect(reply.look()).toEqual([`write ${COMMENT}`]);
  });

  test('is false while nothing waits', () => {
    const connection = connect();
    expect(connection.stalled).toBe(false);
    connection.open();
    clock.increment(5 * INTERVAL);
    expect(connection.stalled).toBe(false);
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
