/** What ran in a session, as its black box tells: the method, the tool, how long it took, and never what it was given. */
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createMemorySessionStore,
  type Operation,
  type OperationEnd,
  type SupervisorObserver,
} from '../../src/index.ts';
import { OperationLog } from '../../src/inspector/operationLog.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, callBody, del, initialize, openStream, post } from '../support/wire.ts';
import { FeedClient } from './feedClient.ts';
import { serveInspected } from './inspect.ts';

/** What is told of a request that was answered. */
const ran = (method: string, target?: string) => ({
  at: expect.any(Number),
  side: 'server',
  method,
  ...(target !== undefined && { target }),
  duration: expect.any(Number),
  outcome: 'answered',
});

/** Names that clients made up, and what of them is told. */
const NAMES: readonly (readonly [string, string])[] = [
  ['x'.repeat(100_000), `${'x'.repeat(99)}…`],
  ['a\u202eb\n<img src=x onerror=alert(1)>', 'a\\u{202e}b\\u{a}<img src=x onerror=alert(1)>'],
];

describe('the black box of a session', () => {
  test('tells what ran before anybody looked, what runs now, and both after its end', async () => {
    const { inspector, url, supervisor, gates } = await serveInspected();
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo', { text: 'a secret' }, 1);
    await call(url, sessionId, 'fail', {}, 2);
    const client = await new FeedClient(inspector).synchronized();
    const [key = ''] = client.rows.keys();
    client.say({ type: 'open', key });
    const { operations, operationsBefore } = await client.session();
    const before = [
      ran('initialize'),
      ran('tools/call', 'echo'),
      { ...ran('tools/call', 'fail'), outcome: 'toolError' },
    ];
    expect(operations).toEqual(before);
    expect(operationsBefore).toBe(0);

    const calling = call(url, sessionId, 'gate', { key: 'a secret' }, 3);
    await gates.entered('a secret');
    const running = await client.session((frame) => frame.operations.length === 4);
    expect(running.operations[3]).toEqual({ ...ran('tools/call', 'gate'), duration: null, outcome: null });
    await supervisor.terminate(sessionId);
    await calling.catch(() => {});
    const ended = await client.session(({ row, operations: [, , , last] }) => {
      return row.state === 'terminated' && last?.outcome !== null;
    });
    expect(ended.operations).toEqual([...before, { ...ran('tools/call', 'gate'), outcome: 'sessionEnded' }]);

    const late = await new FeedClient(inspector).synchronized();
    late.say({ type: 'open', key });
    expect((await late.session()).operations).toEqual(ended.operations);
    expect(JSON.stringify([client.frames, late.frames])).not.toContain('a secret');
  });

  test('tells what the server asked its client, and of no notification', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { headers } = await initialize(url, { capabilities: { roots: {} } });
    const stream = await openStream(url, { headers, body: callBody('roots', { via: 'call' }, 1) });
    const asked = await stream.message();
    expect(asked.method).toBe('roots/list');
    await post(url, { jsonrpc: '2.0', id: asked.id, result: { roots: [] } }, headers);
    await until(() => supervisor.stats().calls === 0);
    const client = await new FeedClient(inspector).synchronized();
    client.say({ type: 'open', key: [...client.rows.keys()][0] ?? '' });
    expect((await client.session()).operations).toEqual([
      ran('initialize'),
      ran('tools/call', 'roots'),
      { ...ran('roots/list'), side: 'client' },
    ]);
  });

  test.each(NAMES)('tells a bounded name that is seen as what it is (%#)', async (name, shown) => {
    const { inspector, url } = await serveInspected();
    const { sessionId, headers } = await initialize(url);
    await call(url, sessionId, name, {}, 1);
    await post(url, { jsonrpc: '2.0', id: 2, method: name }, headers);
    const client = await new FeedClient(inspector).synchronized();
    client.say({ type: 'open', key: [...client.rows.keys()][0] ?? '' });
    const { operations } = await client.session();
    expect(operations.slice(1).map(({ method, target }) => [method, target])).toEqual([
      ['tools/call', shown],
      ['_OTHER', undefined],
    ]);
  });

  test('tells it also of a session that is parked, and goes on when it is back', async () => {
    const clock = new SimulatedClock();
    const { inspector, url, supervisor } = await serveInspected(
      { sessionStore: createMemorySessionStore(), parkAfter: 60_000, clock },
      { now: () => clock.now() },
    );
    const { sessionId, headers } = await initialize(url);
    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    const client = await new FeedClient(inspector).synchronized();
    client.say({ type: 'open', key: [...client.rows.keys()][0] ?? '' });
    await client.session();
    await advance(clock, 60_000);
    const parked = await client.session(({ row }) => row.state === 'parked');
    expect(parked.operations).toEqual([ran('initialize'), ran('tools/call', 'echo')]);
    await call(url, sessionId, 'whoami', {}, 2);
    const back = await client.session(({ operations }) => operations.length === 3);
    expect(back.operations.slice(0, 2)).toEqual(parked.operations);
    await del(url, headers);
    const ended = await client.session(({ row }) => row.state === 'terminated');
    expect(ended.operations.map(({ target }) => target)).toEqual([undefined, 'echo', 'whoami']);
  });
});

describe('the log of operations', () => {
  /** A log of `most` lines in all, and what observes for it. */
  function logged(most?: number) {
    let observer: SupervisorObserver | undefined;
    let now = 0;
    const observe = (given: SupervisorObserver) => {
      observer = given;
      return () => {
        observer = undefined;
      };
    };
    const log = new OperationLog({ observe }, () => now, most);
    onTestFinished(() => log.close());
    const begin = (sessionId: string) => {
      now++;
      const operation = { side: 'server', era: 'session', method: 'ping', id: now, params: {}, sessionId };
      return observer?.operation?.(operation as unknown as Operation);
    };
    const end = { outcome: 'answered', duration: 1.26 } as OperationEnd;
    return { log, begin, end, observes: () => observer !== undefined };
  }

  test('keeps the last 32 of a session, and counts those before', () => {
    const { log, begin, end } = logged();
    for (let n = 0; n < 50; n++) begin('a')?.end?.(end);
    const { operations, operationsBefore } = log.of('a');
    expect(operations.map(({ at }) => at)).toEqual(Array.from({ length: 32 }, (_, n) => n + 19));
    expect(operationsBefore).toBe(18);
    expect(operations[0]).toEqual({ at: 19, side: 'server', method: 'ping', duration: 1.3, outcome: 'answered' });
  });

  test('beyond what is kept in all, a session in which nothing began lately loses its own, and no busy one does', () => {
    const { log, begin } = logged(10);
    for (const id of ['old', 'busy', 'young']) for (let n = 0; n < 3; n++) begin(id);
    begin('more');
    begin('busy'); // one more than are kept, and all of them are fresh: the oldest goes
    expect(['old', 'busy', 'young', 'more'].map((id) => log.of(id).operations.length)).toEqual([0, 4, 3, 1]);
    for (let n = 0; n < 3; n++) begin('busy');
    expect(['old', 'busy', 'young', 'more'].map((id) => log.of(id).operations.length)).toEqual([0, 7, 0, 1]);
  });

  test('room is made by one session, however many are there, and by none that is not', () => {
    const { log, begin } = logged(100);
    const ids = Array.from({ length: 300 }, (_, n) => `s${n}`);
    for (const id of ids) begin(id);
    const kept = () => ids.filter((id) => log.of(id).operations.length > 0);
    expect(kept()).toHaveLength(100);
    for (const id of kept().slice(0, 50)) log.take(id);
    for (let n = 0; n < 50; n++) begin(`more${n}`);
    expect(kept()).toHaveLength(50);
    begin('one more');
    expect(
      kept().length +
        Array.from({ length: 50 }, (_, n) => log.of(`more${n}`).operations.length).reduce((a, b) => a + b),
    ).toBe(99);
  });

  test('what is taken along is not counted any more, and still learns how it ended', () => {
    const { log, begin, end } = logged(3);
    const last = begin('a');
    const taken = log.take('a');
    for (let n = 0; n < 3; n++) begin('b');
    expect(log.of('b').operations).toHaveLength(3);
    expect(log.of('a').operations).toEqual([]);
    last?.end?.(end);
    expect(taken().operations).toMatchObject([{ outcome: 'answered' }]);
  });

  test('observes until it is closed', () => {
    const { log, observes } = logged();
    expect(observes()).toBe(true);
    log.close();
    expect(observes()).toBe(false);
  });
});
