/** A session's black box as the page draws it: what passed between client, session and server, and what only happened. */
import { expect, test } from 'vitest';
import { stepsOf, toMermaid } from '../../inspector-page/src/sequence.ts';
import { createMemorySessionStore } from '../../src/index.ts';
import type { HistoryLine, OperationLine, SessionFrame } from '../../src/inspector/protocol.ts';
import { serve } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';

/** Each step in one word or two: what passes, and what the session is then. */
function told(history: readonly HistoryLine[]): string[] {
  return stepsOf({ history, operations: [] }).map(({ message, note }) =>
    [message?.text, note].filter(Boolean).join(' '),
  );
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

  const frame = { key: 'a-key', history, omitted: 0, operations: [], operationsBefore: 0 } as unknown as SessionFrame;
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

const operation = (at: number, method: string, more: Partial<OperationLine> = {}): OperationLine => ({
  at,
  side: 'server',
  method,
  duration: 1.5,
  outcome: 'answered',
  ...more,
});

test('what ran stands where it began, after the exchange that brought it', () => {
  const at = (ms: number, event: HistoryLine['event'], inFlight: number) => ({ ...line(event, inFlight), at: ms });
  const history = [
    at(5, 'opened', 1),
    at(5, 'active', 1),
    at(6, 'idle', 0),
    at(9, 'active', 1),
    at(9, 'idle', 0),
    at(9, 'active', 1),
    at(12, 'request', 2),
    at(14, 'terminated', 0),
  ];
  const operations = [
    operation(4, 'initialize'),
    operation(9, 'ping'),
    operation(9, 'tools/call', { target: 'echo', outcome: 'toolError', duration: 12_000 }),
    operation(10, 'roots/list', { side: 'client', duration: null, outcome: null }),
    operation(20, 'tools/list'),
  ];
  const steps = stepsOf({ history, operations });
  expect(steps.map(({ message, note }) => [message?.text, note].filter(Boolean).join(' '))).toEqual([
    'initialize · 1.5 ms opened',
    'active',
    'response idle',
    'request active',
    'ping · 1.5 ms',
    'response idle',
    'request active',
    'tools/call echo · 12 s, toolError',
    'roots/list · runs',
    'request',
    'ended: terminated',
    'tools/list · 1.5 ms',
  ]);
  expect(steps.flatMap(({ message }) => (message?.kind === 'operation' ? [message.to] : []))).toEqual([
    'server',
    'server',
    'client',
    'server',
  ]);
});

test('an initialize that opened nothing is drawn by itself', () => {
  const operations = [operation(1, 'initialize', { outcome: 'error' })];
  const steps = stepsOf({ history: [{ ...line('terminated', 0), reason: 'crashed' }], operations });
  expect(steps.map(({ message, note }) => message?.text ?? note)).toEqual([
    'ended: crashed',
    'initialize · 1.5 ms, error',
  ]);
});

test('a name that a client made up ends no statement of the diagram', () => {
  const operations = [operation(1, 'tools/call', { target: 'x; Note over client: <b>#1</b>' })];
  const frame = { key: 'k', history: [], omitted: 0, operations, operationsBefore: 3 } as unknown as SessionFrame;
  const mermaid = toMermaid(frame);
  expect(mermaid).toContain('tools/call x#59; Note over client: #60;b#62;#35;1#60;/b#62; · 1.5 ms');
  expect(mermaid).toContain('3 older requests left out');
});
