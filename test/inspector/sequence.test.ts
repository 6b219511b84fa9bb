/** A session's black box as the page draws it: what passed between client, session and server, and what only happened. */
import { expect, test } from 'vitest';
import { stepsOf, toMermaid } from '../../inspector-page/src/sequence.ts';
import { createMemorySessionStore } from '../../src/index.ts';
import type { HistoryLine, SessionFrame } from '../../src/inspector/protocol.ts';
import { serve } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';

/** Each step in one word or two: what passes, and what the session is then. */
function told(history: readonly HistoryLine[]): string[] {
  return stepsOf(history).map(({ message, note }) => [message?.text, note].filter(Boolean).join(' '));
}

const line = (event: HistoryLine['event'], inFlight: number): HistoryLine => ({ at: 0, event, inFlight });

test('a session that was parked and brought back: nothing passes but the calls', async () => {
  const clock = new SimulatedClock();
  const { supervisor, url } = await serve({ sessionStore: createMemorySessionStore(), parkAfter: 60_000, clock });
  const { sessionId } = await initialize(url);
  await until(() => supervisor.session(sessionId)?.state === 'idle');
  await advance(clock, 60_000);
  await until(() => supervisor.session(sessionId) === undefined);
  await call(url, sessionId, 'echo', { text: 'x' }, 1);
  await until(() => supervisor.session(sessionId)?.state === 'idle');
  const { history = [] } = supervisor.session(sessionId) ?? {};
  const steps = told(history);
  expect(steps.slice(steps.indexOf('parked'))).toEqual(['parked', 'restored', 'active', 'request', 'response idle']);

  const frame = { key: 'a-key', history, omitted: 0 } as unknown as SessionFrame;
  const mermaid = toMermaid(frame);
  expect(mermaid).toMatch(/Note over session: parked [\d:.]+\n {2}Note over session: restored [\d:.]+\n/);
  expect(mermaid.match(/: response /g)).toHaveLength(history.filter(({ event }) => event === 'idle').length);
});

test.each([
  {
    which: 'whose call is answered before the restoration lets go',
    after: [line('request', 2), line('response', 1), line('idle', 0)],
    steps: ['restored', 'active', 'request', 'response idle'],
  },
  {
    which: 'for which nobody waits any more',
    after: [line('idle', 0)],
    steps: ['restored', 'active', 'idle'],
  },
])('one $which', ({ after, steps }) => {
  const restored = [line('restored', 1), line('active', 1)];
  expect(told([...restored, ...after])).toEqual(steps);
});

test('what comes after that is drawn as ever', () => {
  const history = [line('restored', 1), line('active', 1), line('idle', 0), line('active', 1), line('idle', 0)];
  expect(told(history)).toEqual(['restored', 'active', 'idle', 'request active', 'response idle']);
});
