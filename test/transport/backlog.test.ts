import { expect, test } from 'vitest';
import { Backlog } from '../../src/transport/backlog.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

const note = (data: unknown) => ({ jsonrpc: '2.0' as const, method: 'notifications/message', params: { data } });
const dataOf = (message: unknown) => (message as ReturnType<typeof note>).params.data;

test('keeps the last 64 messages', () => {
  const backlog = new Backlog(new SimulatedClock(), 1_000);
  for (let n = 0; n < 70; n++) expect(backlog.keep(note(n))).toBe(true);
  expect(backlog.take().map(dataOf)).toEqual(Array.from({ length: 64 }, (_, n) => n + 6));
  expect(backlog.take()).toEqual([]);
});

test('keeps 64 KiB of them, the newest, and none that is larger', () => {
  const backlog = new Backlog(new SimulatedClock(), 1_000);
  const half = 'x'.repeat(32_000);
  for (const name of ['a', 'b', 'c']) backlog.keep(note(name + half));
  expect(backlog.keep(note('x'.repeat(65_536)))).toBe(false);
  expect(backlog.take().map((message) => String(dataOf(message))[0])).toEqual(['b', 'c']);
});

test('keeps each for its time', () => {
  const clock = new SimulatedClock();
  const backlog = new Backlog(clock, 1_000);
  backlog.keep(note('a'));
  clock.set(999);
  backlog.keep(note('b'));
  clock.set(1_000);
  expect(backlog.take().map(dataOf)).toEqual(['b']);
});

test('keeps what was said, whatever becomes of the object', () => {
  const backlog = new Backlog(new SimulatedClock(), 1_000);
  const message = note('said');
  backlog.keep(message);
  message.params.data = 'changed';
  expect(backlog.take().map(dataOf)).toEqual(['said']);
});
