/** Whether what a Redis does not have is not there: that depends on how long it has been there itself. */
import { expect, test } from 'vitest';
import { Restarts } from '../../src/redis/restarts.ts';

const info = (id: string, uptime: number) => `# Server\r\nrun_id:${id}\r\nuptime_in_seconds:${uptime}\r\n`;

function restarts(leaseTime = 5_000) {
  const time = { now: 1_000 };
  const judged = new Restarts(() => time.now);
  judged.note([info('a', 1_000), info('b', 1_000)]);
  if (leaseTime > 0) judged.leased(leaseTime);
  const isGone = (server: string) => {
    try {
      judged.checkAbsent(server);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('restarted or replaced') });
      return false;
    }
  };
  return { time, judged, isGone };
}

test('a server that is there for long is believed', () => {
  const { isGone } = restarts();
  expect([isGone(info('a', 1_000)), isGone(info('b', 5))]).toEqual([true, true]);
});

test('one that was restarted less than a lease time ago is not, whether it was seen before or not', () => {
  const { time, isGone } = restarts();
  expect(isGone(info('a', 4))).toBe(false);
  expect(isGone(info('new', 4))).toBe(false);
  time.now += 5_000;
  expect(isGone(info('new', 9))).toBe(true);
});

test('one that took the place of another is not, however long it was there, for one lease time', () => {
  const { time, isGone } = restarts();
  expect(isGone(info('replica', 1_000_000))).toBe(false);
  time.now += 4_999;
  expect(isGone(info('replica', 1_000_000))).toBe(false);
  expect(isGone(info('a', 1_000_000))).toBe(true);
  time.now += 1;
  expect(isGone(info('replica', 1_000_000))).toBe(true);
});

test('the longest lease counts', () => {
  const { judged, isGone } = restarts();
  judged.leased(60_000);
  judged.leased(1_000);
  expect(isGone(info('a', 59))).toBe(false);
  expect(isGone(info('a', 60))).toBe(true);
});

test('without a directory in use absent is gone at once', () => {
  const { judged, isGone } = restarts(0);
  expect(judged.matters).toBe(false);
  expect(isGone(info('new', 0))).toBe(true);
  judged.leased(5_000);
  expect(judged.matters).toBe(true);
  expect(isGone(info('new', 0))).toBe(false);
  judged.unused();
  expect(isGone(info('new', 0))).toBe(true);
});

test('a server that tells nothing of itself is one that was just restarted', () => {
  expect(restarts().isGone('')).toBe(false);
});

test('so many servers are remembered, and no more', () => {
  const { time, isGone } = restarts();
  for (let n = 0; n < 1_000; n++) isGone(info(`s${n}`, 1_000));
  time.now += 5_000;
  expect(isGone(info('s999', 1_000))).toBe(true);
  expect(isGone(info('a', 1_000))).toBe(false); // forgotten, and so taken for a new one
});
