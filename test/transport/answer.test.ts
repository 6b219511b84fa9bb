/** What a POST gets back: which messages it takes, and when it is complete. */
import { describe, expect, test } from 'vitest';
import { type Answer, JsonAnswer, StreamAnswer } from '../../src/transport/answer.ts';
import { withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeReply } from './fakeReply.ts';
import { message, StreamKit } from './streamKit.ts';
import { result } from './transportKit.ts';

const owner = { abandoned: (_: Answer) => {}, resumed: (_: Answer) => {} };

describe('as JSON', () => {
  const given = (...ids: number[]) => {
    const reply = new FakeReply();
    return { reply, answer: new JsonAnswer(ids, reply, () => ({}), false, new WatchedClock()) };
  };

  test('takes responses alone, and of its own calls', () => {
    const { reply, answer } = given(1);
    expect(answer.send()).toBe(false);
    answer.settle(7, result(7));
    expect(reply.calls).toEqual([]);
    answer.settle(1, result(1));
    expect(reply.calls).toEqual([`respond 200 {"Content-Type":"application/json"} ${JSON.stringify(result(1))}`]);
  });

  test('is connected until its exchange has ended', () => {
    const { reply, answer } = given(1);
    expect(answer.connected).toBe(true);
    reply.close();
    expect(answer.connected).toBe(false);
  });
});

describe('as a stream', () => {
  const given = (log: boolean, ...ids: number[]) => {
    const kit = new StreamKit({ log });
    return { kit, answer: new StreamAnswer(ids, kit.stream, owner) };
  };

  test('takes a message where somebody listens, or may come back', () => {
    const plain = given(false, 1);
    expect(plain.answer.send(message(1))).toBe(false);
    const { events } = plain.kit.listen();
    expect([plain.answer.send(message(1)), events]).toEqual([true, []]);
    expect(given(true, 1).answer.send(message(1))).toBe(true);
  });

  test('ends without a response when the last of its calls is cancelled', () => {
    const { kit, answer } = given(false, 1, 2);
    const { reply, connection } = kit.listen();
    for (const id of [7, 1, 7]) answer.cancel(id);
    expect(connection.closed).toBe(false);
    answer.cancel(2);
    expect(reply.calls).toEqual(['respond 204 {} undefined']);
  });

  test('is complete when its last response is stored', async () => {
    const { kit, answer } = given(true, 1, 2);
    let complete = false;
    void answer.completed.then(() => (complete = true));
    answer.settle(1, result(1));
    await kit.settled();
    expect(complete).toBe(false);
    answer.settle(2, result(2));
    await withTimeout(answer.completed);
    expect(kit.store.events).toHaveLength(2);
  });
});
