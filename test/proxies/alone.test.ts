/** One process behind HAProxy, which holds requests while nobody listens: a restart is a call that took longer. */
import { expect, onTestFinished, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { withTimeout } from '../support/until.ts';
import { startNodeAlone } from './nodes.ts';
import { connectThrough, resolveNames } from './proxiedClient.ts';
import { startProxy } from './proxy.ts';

const command = useCommand();

test('a call that comes while nobody listens is answered by the next process, in its session', async () => {
  resolveNames();
  const { node, ports } = await startNodeAlone(command, onTestFinished);
  const { url } = await startProxy('haproxy', { ports, alone: true, onEnd: onTestFinished });
  const { call, close, statuses } = await connectThrough(url);
  onTestFinished(close);
  expect(await call('count')).toBe('1');
  expect(await node.stop()).toBe(0);
  const held = call('count');
  await node.start();
  expect(await withTimeout(held, { within: 30_000, what: 'the call that was held' })).toBe('2');
  expect(statuses.filter((status) => status >= 400)).toEqual([]);
}, 60_000);
