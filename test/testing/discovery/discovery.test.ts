/** What is found out about a server before it is tested, where the server or this machine is slow. */
import { describe, expect, test } from 'vitest';
import { discover } from '../../../src/testing/discovery/discovery.ts';
import { type Oddities, serveByHand } from '../../cli/handwrittenServer.ts';

const IDLE = 60_000;
/** It takes a number, and is over at once whatever it is told. */
const AT_ONCE = { name: 'sleep', inputSchema: { properties: { timeout: { type: 'number' } } } };

async function longCallOf(odd: Oddities): Promise<string | false> {
  const { longCall } = await discover({ url: await serveByHand(IDLE, odd), longest: 3_000 });
  return longCall.driven === false ? false : longCall.driven.label;
}

describe.concurrent('a call lasts when it is the call that takes the time', () => {
  test.each<[string, Oddities]>([
    ['by itself', {}],
    ['where every request takes longer than the call is tried for', { latency: 700 }],
    ['where the server does one thing at a time', { oneAtATime: true }],
    ['where a ping takes as long', { pingLatency: 700 }],
  ])('%s', async (_, odd) => {
    expect(await longCallOf(odd)).toBe('sleep {"ms":$MS}');
  });

  test.each<[string, Oddities]>([
    ['it is over at once', {}],
    ['every request takes longer than it was tried for', { latency: 700 }],
    ['every request waits for the one before', { latency: 700, oneAtATime: true }],
  ])('not when %s', async (_, odd) => {
    expect(await longCallOf({ ...odd, tools: [AT_ONCE] })).toBe(false);
  });
});

test.concurrent('a session that ended meanwhile says nothing of DELETE', async () => {
  const url = await serveByHand(300, { idle: 'naive' });
  const { deletes, findings } = await discover({ url });
  expect(deletes).toEqual({ driven: true });
  expect(findings).toEqual([]);
});
