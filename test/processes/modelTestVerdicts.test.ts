/** What the model test finds, on servers that are wrong in one way each, and on servers that are only odd. */
import { describe, expect, test, vi } from 'vitest';
import { type ModelTestOptions, modelTest, type RuleName } from '../../src/testing/index.ts';
import { type Oddities, SLEEP, serveByHand } from '../cli/handwrittenServer.ts';

const IDLE = 800;

// A model test waits, most of its time. More of them at a time would make one another late for the idle timeout.
vi.setConfig({ maxConcurrency: 10 });

async function judged(odd: Oddities, options: Partial<ModelTestOptions> = {}) {
  const url = await serveByHand(IDLE, odd);
  const test = () => modelTest({ url, idleTimeout: IDLE, maxInFlight: 1, ...options });
  let report = await test();
  // It says itself where this machine was too slow for the idle timeout; then it is no verdict on the server.
  for (let again = 0; again < 2 && report.slipped > 0; again++) report = await test();
  const rules = report.violations.map(({ rule }) => rule).sort();
  const count = (verdict: string) => report.transitions.filter((one) => one.verdict === verdict).length;
  return { report, rules, count };
}

test.concurrent('a server that is right: every transition is covered, and nothing is wrong', {
  timeout: 120_000,
}, async () => {
  const { report, rules, count } = await judged({}, { strict: true, maxInFlight: 2 });
  expect(rules).toEqual([]);
  expect(count('covered')).toBe(report.transitions.length);
  expect(report.transitions.length).toBeGreaterThan(30);
  expect(report.features).toEqual({
    streams: { driven: true },
    deletes: { driven: true },
    longCall: { driven: 'sleep {"ms":$MS}' },
  });
});

describe.concurrent('wrong', () => {
  // First, because it takes longest.
  test.concurrent('random walks find it too, and tell the shortest way', { timeout: 120_000 }, async () => {
    const { report } = await judged({ deletes: 'ignored' }, { coverage: 'random', seed: 7, concurrency: 32 });
    expect(report.violations.map(({ rule }) => rule)).toEqual(['endedIsNotFound']);
    expect(report.violations[0]?.script.length).toBeLessThan(5);
  });

  test.concurrent.each<[string, Oddities, RuleName[]]>([
    ['an ended id answers 400', { unknownStatus: 400 }, ['endedIsNotFound', 'unknownIsNotFound']],
    ['the idle timer cuts calls', { idle: 'naive' }, ['callKept']],
    ['the idle timer cuts calls that are answered as JSON', { idle: 'naive', json: true }, ['callKept']],
    ['sessions never end by themselves', { idle: 'never' }, ['sessionEnded']],
    ['sessions end too early', { idle: 'short' }, ['sessionKept']],
    ['DELETE does nothing', { deletes: 'ignored' }, ['endedIsNotFound']],
    ['each call is answered twice', { answersTwice: true }, ['callAnswered', 'callEndedAtEnd']],
    ['calls of an ended session hang', { callsAtEnd: 'hang' }, ['callEndedAtEnd']],
    ['streams are cut while their session is in use', { cutsStreams: true }, ['streamKept']],
    ['a notification is answered with 200', { notificationStatus: 200 }, ['notificationAccepted']],
    ['a missing id is answered with 500', { missingStatus: 500 }, ['idRequired']],
    ['ids with spaces', { idPrefix: 'my session ' }, ['sessionIdVisible']],
    ['GET is answered with 404', { getStatus: 404 }, ['streamOpened']],
    ['DELETE is answered with 501', { deleteStatus: 501 }, ['deleteAnswered']],
  ])('%s', { timeout: 120_000 }, async (_, odd, expected) => {
    const { report, rules } = await judged(odd);
    // A timer that counts from the last request on ends the session, too, soon after a call that took long.
    expect(odd.idle === 'naive' ? rules.filter((rule) => rule !== 'sessionKept') : rules).toEqual(expected);
    for (const { actions } of report.violations) {
      expect(actions[0]).toBe('POST initialize → 200');
      expect(actions.length).toBeLessThan(12);
    }
  });

  test.concurrent('what a walk finds is at its transition, with the steps that lead there', {
    timeout: 120_000,
  }, async () => {
    const { report } = await judged({ idle: 'never' });
    const [violation] = report.violations;
    expect(violation).toMatchObject({
      rule: 'sessionEnded',
      says: 'A session that was not used for its idle timeout ends.',
      script: [
        'initializing --INITIALIZED--> active(1), opening',
        'active(1), opening --RESPONSE--> idle',
        'idle --after sessionIdleTimeout--> terminated(idle)',
      ],
      actions: ['POST initialize → 200', 'POST notifications/initialized → 202', '2000 ms pass', 'POST ping → 200'],
    });
    const verdict = report.transitions.find(({ transition }) => transition === violation?.script.at(-1));
    expect(verdict).toMatchObject({ verdict: 'violated', rules: ['sessionEnded'] });
  });
});

describe.concurrent('left open by the protocol', () => {
  test.concurrent.each<[string, Oddities]>([
    ['answers as JSON', { json: true }],
    ['streams that are closed to be resumed', { polling: true, getStatus: undefined as never }],
    ['a session that ends a little after its DELETE', { deletes: 'late' }],
    ['204 to a request without an id', { missingStatus: 204 }],
    ['to come back later', { busyStatus: 429 }],
  ])('%s', { timeout: 120_000 }, async (_, odd) => {
    const { report, rules, count } = await judged(odd);
    expect(rules).toEqual([]);
    expect(count('covered')).toBe(report.transitions.length);
  });

  test.concurrent.each<[string, Oddities, RuleName]>([
    ['calls of an ended session are cut', { callsAtEnd: 'cut' }, 'callAnsweredAtEnd'],
    ['a stream alone holds nothing', { streamsHold: false }, 'streamHolds'],
  ])('%s: noted, and a violation only for whoever is strict', { timeout: 120_000 }, async (_, odd, rule) => {
    const lenient = await judged(odd);
    expect(lenient.rules).toEqual([]);
    expect(lenient.report.notes.map((note) => note.rule)).toEqual([rule]);
    expect(lenient.count('covered')).toBe(lenient.report.transitions.length);
    const { report } = await judged(odd, { strict: true });
    expect(report.notes).toEqual([]);
    expect(report.violations).not.toEqual([]);
  });

  test.concurrent('405 to GET and DELETE: what needs them is not driven, and why', { timeout: 120_000 }, async () => {
    const { report, rules, count } = await judged({ getStatus: 405, deleteStatus: 405 });
    expect(rules).toEqual([]);
    expect(report.features.streams).toEqual({ driven: false, why: 'GET is answered with 405' });
    expect(report.features.deletes).toEqual({ driven: false, why: 'DELETE is answered with 405' });
    const idle = report.transitions.find(({ transition }) => transition.startsWith('idle --TERMINATE'));
    expect(idle).toMatchObject({ verdict: 'not driven', why: 'DELETE is answered with 405' });
    expect(count('covered') + count('not driven')).toBe(report.transitions.length);
  });
});

describe.concurrent('what can be driven', () => {
  test.concurrent('without an idle timeout nothing is waited for, and nothing is called a leak', {
    timeout: 120_000,
  }, async () => {
    const { report, rules } = await judged({ idle: 'never' }, { idleTimeout: undefined, maxInFlight: 2 });
    expect(rules).toEqual([]);
    const timed = report.transitions.filter(({ why }) => why === 'the idle timeout was not told');
    expect(timed.map(({ transition }) => transition)).toContain('active(1) --WAIT--> active(1), waited');
    expect(timed.length).toBeGreaterThan(20);
  });

  test.concurrent('without a call that lasts, streams hold what can be held', { timeout: 120_000 }, async () => {
    const { report, rules } = await judged({ tools: [] }, { maxInFlight: 2 });
    expect(rules).toEqual([]);
    const verdicts = Object.fromEntries(report.transitions.map(({ transition, ...verdict }) => [transition, verdict]));
    expect(verdicts['active(1) --WAIT--> active(1), waited']).toEqual({ verdict: 'covered' });
    expect(verdicts['active(1) --REQUEST--> active(2)']).toEqual({
      verdict: 'not driven',
      why: 'no tool that lasts as long as it is asked to',
    });
  });

  test.concurrent('with neither, short requests still push the deadline', { timeout: 120_000 }, async () => {
    const { report, rules } = await judged({ tools: [], getStatus: 405 });
    expect(rules).toEqual([]);
    const covered = report.transitions.filter(({ verdict }) => verdict === 'covered');
    expect(covered.map(({ transition }) => transition)).toContain('idle, pushed --REST--> idle, pushed, waited');
    const wait = report.transitions.find(({ transition }) => transition === 'active(1) --WAIT--> active(1), waited');
    expect(wait?.why).toBe('no tool that lasts as long as it is asked to, and GET is answered with 405');
  });

  const number = { type: 'number' };
  test.concurrent.each<[string, object, string]>([
    ['by name', { properties: { delaySeconds: number } }, 'it {"delaySeconds":$S}'],
    ['by its description', { properties: { wait: { ...number, description: 'how many seconds' } } }, 'it {"wait":$S}'],
    ['by trying', { properties: { wait: number } }, 'it {"wait":$S}'],
    ['in whole seconds', { properties: { seconds: { type: 'integer', minimum: 1 } } }, 'it {"seconds":$S}'],
  ])('a long call in seconds: %s', async (_, inputSchema, label) => {
    const url = await serveByHand(IDLE, {
      tools: [
        { name: 'needs more', inputSchema: { properties: { ms: number, text: {} }, required: ['text'] } },
        { name: 'it', inputSchema },
      ],
    });
    const { longCall } = (await modelTest({ url })).features;
    expect(longCall).toEqual({ driven: label });
  });

  test.concurrent.each<[string, object]>([
    ['one that says it destroys something', { ...SLEEP, annotations: { destructiveHint: true } }],
    [
      'one that cannot last long enough',
      { name: 'sleep', inputSchema: { properties: { ms: { ...number, maximum: 600 } } } },
    ],
    ['one that is over at once', { name: 'sleep', inputSchema: { properties: { timeout: number } } }],
  ])('no long call: %s', async (_, tool) => {
    const url = await serveByHand(IDLE, { tools: [tool] });
    const { longCall } = (await modelTest({ url })).features;
    expect(longCall).toEqual({ driven: false, why: 'no tool that lasts as long as it is asked to' });
  });
});
