/** Which of a session's GET streams a message goes to, and which of them ends when there are too many. */
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../src/stores/eventLog.ts';
import { Connection } from '../../src/transport/connection.ts';
import { GetStreams, MAX_GET_STREAMS } from '../../src/transport/getStreams.ts';
import { MessageStream } from '../../src/transport/messageStream.ts';
import { ControlledStore, Door } from '../support/controlledStore.ts';
import { turns, withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeReply } from './fakeReply.ts';
import { message } from './streamKit.ts';

const KEEP_ALIVE = 1_000;
const RETRY = 4_800;

/** GET streams, numbered in the order in which they were opened. */
class GetKit {
  readonly clock = new WatchedClock();
  readonly store = new ControlledStore();
  readonly gets = new GetStreams();
  readonly replies: FakeReply[] = [];
  readonly streams: MessageStream[] = [];
  readonly failures: unknown[] = [];
  readonly #log: EventLog | undefined;

  constructor(withLog: boolean) {
    this.#log = withLog ? new EventLog(this.store, 'a', this.clock) : undefined;
  }

  /** Which stream a message would go to; undefined for none. */
  get receiver(): number | undefined {
    const { receiver } = this.gets;
    return receiver && this.streams.indexOf(receiver);
  }

  /** Which of the first so many have ended; a client that left has ended its own. */
  get ended(): number[] {
    return this.replies.flatMap(({ calls }, n) => (calls.includes('end') ? n : []));
  }

  /** Opens a stream, and primes it where there is a log. */
  async open(primed = true): Promise<FakeReply> {
    const stream = new MessageStream({
      id: `get${this.streams.length}`,
      log: this.#log,
      retry: RETRY,
      maxBuffer: 1_000,
      onStoreFailure: (error) => this.failures.push(error),
    });
    const reply = this.connect(stream);
    this.streams.push(stream);
    this.replies.push(reply);
    if (primed) stream.prime();
    await withTimeout(stream.settled());
    return reply;
  }

  /** Gives a stream a new connection, and takes it in. */
  connect(stream: MessageStream): FakeReply {
    const reply = new FakeReply();
    const limits = { clock: this.clock, keepAliveInterval: KEEP_ALIVE, maxStreamBuffer: 1_000_000 };
    const connection = new Connection(reply, () => ({}), limits);
    stream.connect(connection);
    this.gets.add(stream);
    reply.onClose(() => this.gets.left(stream, connection));
    connection.open();
    return reply;
  }

  /** Has the peer of a stream take nothing until it shows. */
  stall(reply: FakeReply): void {
    reply.takesAll = false;
    this.clock.increment(KEEP_ALIVE); // a comment, which is not taken
    this.clock.increment(KEEP_ALIVE); // and nothing since
  }
}

async function opened(count: number, withLog: boolean): Promise<GetKit> {
  const kit = new GetKit(withLog);
  for (let n = 0; n < count; n++) await kit.open();
  return kit;
}

describe('a message goes', () => {
  test.each([true, false])('to the newest that is connected (with a log: %s)', async (withLog) => {
    const kit = await opened(3, withLog);
    expect(kit.receiver).toBe(2);
    kit.replies[2]?.close();
    expect(kit.receiver).toBe(1);
    kit.replies[0]?.close();
    expect(kit.receiver).toBe(1);
  });

  test('to none where there is none', async () => {
    const kit = await opened(1, false);
    kit.replies[0]?.close();
    expect([kit.receiver, new GetKit(true).receiver]).toEqual([undefined, undefined]);
  });

  test('to one whose peer takes something, rather than to a newer one whose peer does not', async () => {
    const kit = await opened(3, false);
    const [first, , last] = kit.replies;
    if (last !== undefined) kit.stall(last);
    expect(kit.receiver).toBe(1);
    last?.take();
    expect(kit.receiver).toBe(2);
    first?.close();
    kit.replies[1]?.close();
    if (last !== undefined) kit.stall(last);
    expect(kit.receiver).toBe(2); // slow, and yet better than nobody
  });

  test('where nobody is connected: to the newest that may be resumed', async () => {
    const kit = await opened(3, true);
    for (const reply of kit.replies) reply.close();
    expect(kit.receiver).toBe(2);
    kit.connect(kit.streams[0] as MessageStream).close();
    expect(kit.receiver).toBe(0);
  });

  test('never to one whose client has no event id to come back with', async () => {
    const kit = new GetKit(true);
    const [first, second] = [await kit.open(false), await kit.open(false)];
    kit.gets.receiver?.send(message(1));
    await withTimeout(kit.streams[1]?.settled() ?? Promise.reject(new Error('no stream')));
    second.close();
    expect(kit.receiver).toBe(0);
    first.close();
    expect(kit.receiver).toBe(1); // which has sent its client an id
    expect(kit.gets.find('get0')).toBeUndefined();
  });

  test('never to one that the store has failed, once its client has left', async () => {
    const kit = await opened(1, true);
    kit.store.beforeStore = () => Promise.reject(new Error('disk full'));
    kit.gets.receiver?.send(message(1));
    await withTimeout(kit.streams[0]?.settled() ?? Promise.reject(new Error('no stream')));
    expect([kit.receiver, kit.failures.length]).toEqual([0, 1]);
    kit.replies[0]?.close();
    expect(kit.receiver).toBeUndefined();
  });
});

test('a stream that waits for its client keeps nothing of the connection that it had', async () => {
  const kit = await opened(1, true);
  const [reply] = kit.replies;
  kit.stall(reply as FakeReply);
  expect(kit.streams[0]?.stalled).toBe(true);
  reply?.close();
  expect(kit.streams[0]?.stalled).toBe(false);
  expect(kit.receiver).toBe(0);
});

describe('one more than there may be', () => {
  test('is 17', () => {
    expect(MAX_GET_STREAMS).toBe(16);
  });

  test.each([true, false])('ends the oldest (with a log: %s)', async (withLog) => {
    const kit = await opened(16, withLog);
    expect(kit.ended).toEqual([]);
    await kit.open();
    await turns(2);
    expect(kit.ended).toEqual([0]);
    await kit.open();
    await turns(2);
    expect(kit.ended).toEqual([0, 1]);
    expect(kit.receiver).toBe(17);
    // Its client may come back, and is told when.
    expect(kit.replies[1]?.calls.slice(-2)).toEqual([`write retry: ${RETRY}\n\n`, 'end']);
  });

  test('ends one whose peer takes nothing before any other', async () => {
    const kit = await opened(16, false);
    kit.stall(kit.replies[5] as FakeReply);
    await kit.open();
    expect(kit.ended).toEqual([5]);
  });

  test('ends one that is only waited for before any that is connected', async () => {
    const kit = await opened(16, true);
    kit.replies[3]?.close();
    await kit.open();
    await turns(2);
    expect(kit.ended).toEqual([]);
    expect(kit.gets.find('get3')).toBeUndefined();
    expect(kit.gets.find('get2')).toBe(kit.streams[2]);
  });

  test('is none where one of them is resumed, which is then the newest', async () => {
    const kit = await opened(16, true);
    kit.replies[0]?.close();
    kit.connect(kit.streams[0] as MessageStream);
    await turns(2);
    expect([kit.ended, kit.receiver]).toEqual([[], 0]);
    await kit.open();
    await turns(2);
    expect(kit.ended).toEqual([1]);
  });

  test('waits for what was sent before: it is stored, and whoever comes back meanwhile meets the same stream', async () => {
    const kit = await opened(1, true);
    const door = new Door();
    kit.store.beforeStore = (streamId) => (streamId === 'a:get0' ? door.pass() : undefined);
    kit.gets.receiver?.send(message(1));
    for (let n = 1; n <= 16; n++) await kit.open();
    expect(kit.gets.find('get0')).toBe(kit.streams[0]);
    expect(kit.ended).toEqual([]);
    door.open();
    await turns(3);
    expect(kit.ended).toEqual([0]);
    expect(kit.replies[0]?.calls.at(-3)).toContain('"n":1');
    expect(kit.gets.find('get0')).toBeUndefined();
  });
});

test('a stream that ended is at hand until the store is through with all that is asked of it meanwhile', async () => {
  const kit = await opened(1, true);
  const stream = kit.streams[0] as MessageStream;
  const doors = [new Door(), new Door()];
  let stored = 0;
  kit.store.beforeStore = (streamId) => (streamId === 'a:get0' ? doors[stored++]?.pass() : undefined);
  stream.send(message(1));
  for (let n = 1; n <= 16; n++) await kit.open();
  stream.send(message(2));
  doors[0]?.open();
  await turns(3);
  expect([stored, stream.busy, kit.gets.find('get0')]).toEqual([2, true, stream]);
  kit.gets.keep(stream);
  doors[1]?.open();
  await turns(3);
  expect([stream.busy, kit.gets.find('get0')]).toEqual([false, undefined]);
});

describe('at the end of the session', () => {
  test('all end, and what is opened or resumed after it', async () => {
    const kit = await opened(3, true);
    kit.gets.close();
    kit.gets.detach();
    expect(kit.ended).toEqual([0, 1, 2]);
    await kit.open(false);
    expect([kit.ended, kit.receiver]).toEqual([[0, 1, 2, 3], undefined]);
  });

  test('nobody waits for the store, not even for a stream that had to make room', async () => {
    const kit = await opened(1, true);
    kit.store.beforeStore = (streamId) => (streamId === 'a:get0' ? new Promise(() => {}) : undefined);
    kit.gets.receiver?.send(message(1));
    for (let n = 1; n <= 16; n++) await kit.open();
    expect(kit.ended).toEqual([]);
    kit.gets.close();
    kit.gets.detach();
    expect(kit.ended).toEqual(Array.from({ length: 17 }, (_, n) => n));
    expect(kit.replies[0]?.calls.at(-3)).toContain('"n":1');
  });
});
