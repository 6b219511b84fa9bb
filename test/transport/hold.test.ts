/** What keeps a session active: it is released once, by the end of its exchange or by whoever took that over. */
import { expect, test } from 'vitest';
import { Hold } from '../../src/transport/hold.ts';
import { FakeReply } from './fakeReply.ts';

function given() {
  const reply = new FakeReply();
  let released = 0;
  const hold = new Hold(reply, () => released++);
  return { reply, hold, released: () => released };
}

test('the end of its exchange releases it', () => {
  const { reply, released } = given();
  expect(released()).toBe(0);
  reply.close();
  expect(released()).toBe(1);
});

test('it is released once, whoever does it', () => {
  const { reply, hold, released } = given();
  hold.release();
  hold.release();
  reply.close();
  expect(released()).toBe(1);
});

test('whoever takes over the end of the exchange sees to the release', () => {
  const { reply, hold, released } = given();
  let left = 0;
  hold.onLeave(() => left++);
  reply.close();
  expect([left, released()]).toEqual([1, 0]);
  hold.release();
  expect(released()).toBe(1);
});
