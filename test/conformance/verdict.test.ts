/** The verdict on a run of the conformance suite: nothing but success passes. */
import { expect, test } from 'vitest';
import { type Check, EXPECTED_SCENARIOS, judge } from './verdict.ts';

const check = (status: Check['status'], id = 'a-check', errorMessage?: string): Check => ({
  id,
  name: 'ACheck',
  status,
  errorMessage,
});

const allPassed = () => new Map(EXPECTED_SCENARIOS.map((scenario) => [scenario, [check('SUCCESS')]]));

/** The complaints about `ping`, when all other scenarios passed. */
function complaintsAbout(...checks: Check[]): readonly string[] {
  const verdicts = judge(allPassed().set('ping', checks));
  const others = verdicts.filter(({ scenario }) => scenario !== 'ping');
  expect(others.flatMap(({ complaints }) => complaints)).toEqual([]);
  return verdicts.find(({ scenario }) => scenario === 'ping')?.complaints ?? [];
}

test('all of the expected scenarios pass, in their order', () => {
  const verdicts = judge(allPassed());
  expect(verdicts).toEqual(EXPECTED_SCENARIOS.map((scenario) => ({ scenario, succeeded: 1, complaints: [] })));
});

test('what the exit code of the suite leaves out is expected too', () => {
  expect(EXPECTED_SCENARIOS).toEqual(
    expect.arrayContaining(['server-session-lifecycle', 'server-sse-polling', 'json-schema-2020-12']),
  );
  expect(new Set(EXPECTED_SCENARIOS).size).toBe(33);
});

test.each(['FAILURE', 'WARNING', 'SKIPPED', 'INFO'] as const)(
  'a check that ends with %s fails its scenario',
  (status) => {
    expect(complaintsAbout(check('SUCCESS'), check(status, 'bad', 'so it went'))).toEqual([
      `${status} bad: so it went`,
    ]);
  },
);

test('the course of a scenario is no finding, and no success', () => {
  const course = ['outgoing-request', 'incoming-response', 'incoming-sse-event', 'stream-closed'];
  const told = course.map((id) => check('INFO', id));
  expect(complaintsAbout(...told, check('SUCCESS'))).toEqual([]);
  expect(complaintsAbout(...told)).toEqual(['no check succeeded']);
});

test('a scenario that did not run has failed', () => {
  const ran = allPassed();
  ran.delete('server-session-lifecycle');
  const failed = judge(ran).filter(({ complaints }) => complaints.length > 0);
  expect(failed).toEqual([{ scenario: 'server-session-lifecycle', succeeded: 0, complaints: ['it did not run'] }]);
});

test('a scenario that is new has to be added here', () => {
  const verdicts = judge(allPassed().set('server-telepathy', [check('SUCCESS')]));
  const complaints = ['it is not among the expected scenarios'];
  expect(verdicts.at(-1)).toEqual({ scenario: 'server-telepathy', succeeded: 1, complaints });
});
