/** Our own supervisor along every path of the supervisor model; and supervisors and rules that are wrong on purpose. */
import { describe, expect, test } from 'vitest';
import { MAX_DELAY } from '../../src/clock.ts';
import { createSessionSupervisor, type SessionSupervisor, type SessionSupervisorOptions } from '../../src/index.ts';
import {
  type AdmissionRule,
  createGatedServer,
  describePath,
  inProcessDriver,
  runSupervisorPaths,
  type Standing,
  type SupervisorDriver,
  type SupervisorModelOptions,
  type SupervisorPathsOptions,
  type SupervisorRuleName,
  supervisorPaths,
} from '../../src/testing/index.ts';
import { admission } from '../../src/testing/paths/admission.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

/** A test here takes thousands of steps; beside others on a slow machine, in ms. */
const LONG = 60_000;

const NEVER = Number.POSITIVE_INFINITY;
const timeouts = { sessionIdleTimeout: 60_000, shutdownTimeout: 10_000 };

interface Mistake {
  readonly options?: Partial<SessionSupervisorOptions>;
  readonly wrap?: (supervisor: SessionSupervisor) => Partial<SessionSupervisor>;
}

/** A supervisor as the model wants it, but for a mistake. */
function supervise(model: SupervisorModelOptions, { options = {}, wrap = () => ({}) }: Mistake = {}): SupervisorDriver {
  const clock = new SimulatedClock();
  const server = createGatedServer({ holdInitialize: model.holdInitialize });
  const supervisor = createSessionSupervisor({
    server: server.factory,
    clock,
    keepAliveInterval: NEVER,
    initializeTimeout: MAX_DELAY,
    sessionIdleTimeout: model.sessionIdleTimeout ?? NEVER,
    shutdownTimeout: model.shutdownTimeout ?? MAX_DELAY,
    maxSessions: model.maxSessions,
    maxSessionsPerPrincipal: model.maxSessionsPerPrincipal,
    whenFull: model.whenFull,
    ...options,
  });
  return inProcessDriver({ ...supervisor, ...wrap(supervisor) }, clock, { server, patience: 200 });
}

/** Makes two ids in turn: neither while it is in use, and each again once its session has ended. */
function alternating(...ids: [string, string]): () => string {
  let made = 0;
  return () => ids[made++ % 2] ?? ids[0];
}

describe('our supervisor', () => {
  test.each([
    { timeouts, kinds: ['call'] },
    { timeouts, principals: ['ada'] },
    { whenFull: 'reject', kinds: ['call'] },
    { timeouts, holdInitialize: true, kinds: ['call'] },
    { maxSessionsPerPrincipal: 1, kinds: ['call'] },
    { timeouts, maxSessions: 1, maxInFlight: 2, principals: ['ada'] },
  ] satisfies SupervisorPathsOptions[])(
    'takes every transition: %j',
    async (options) => {
      const paths = supervisorPaths(options);
      const result = await runSupervisorPaths(paths, (model) => supervise(model));
      expect(result.violations).toEqual([]);
      expect(result.paths).toBe(paths.length);
      expect([...result.covered].sort()).toEqual([...new Set(paths.flatMap(describePath))].sort());
    },
    LONG,
  );

  test(
    'makes every eviction there can be among three sessions',
    async () => {
      const paths = supervisorPaths({ maxSessions: 3, kinds: ['call'] }).filter(({ steps }) =>
        steps.at(-1)?.expected.ended.some(({ reason }) => reason === 'evicted'),
      );
      expect(paths.length).toBeGreaterThan(100);
      const result = await runSupervisorPaths(paths, (model) => supervise(model));
      expect(result.violations).toEqual([]);
    },
    LONG,
  );

  test.each([
    { maxSessions: 3, maxInFlight: 2, holdInitialize: true },
    { maxSessions: 5, maxSessionsPerPrincipal: 3, principals: ['ada', 'bob', 'cleo'] },
  ])(
    'keeps the rules on random walks: %j',
    async (options) => {
      const paths = supervisorPaths({ coverage: 'random', timeouts, walks: 25, length: 50, seed: 7, ...options });
      const result = await runSupervisorPaths(paths, (model) => supervise(model));
      expect(result.violations).toEqual([]);
      expect(result.covered.size).toBeGreaterThan(200);
    },
    LONG,
  );
});

test('paths are the same for the same seed, and others for another', () => {
  const walk = (seed: number) => supervisorPaths({ coverage: 'random', seed, walks: 3 }).map(describePath);
  expect(walk(1)).toEqual(walk(1));
  expect(walk(1)).not.toEqual(walk(2));
  expect(walk(1)).toHaveLength(3);
});

/** Drives paths until this rule is found broken. Returns the script that broke it. */
async function scriptThatBreaks(
  rule: SupervisorRuleName,
  options: SupervisorPathsOptions,
  mistake: Mistake = {},
): Promise<readonly string[] | undefined> {
  const found = new AbortController();
  const { violations } = await runSupervisorPaths(supervisorPaths(options), (model) => supervise(model, mistake), {
    signal: found.signal,
    onPath: ({ violation }) => {
      if (violation?.rule === rule) found.abort();
    },
  });
  return violations.find((violation) => violation.rule === rule)?.script;
}

const calls = { kinds: ['call'] } as const;
const changingResponses = (change: (response: Response) => Response): Mistake => ({
  wrap: (supervisor) => ({ fetch: async (request, init) => change(await supervisor.fetch(request, init)) }),
});

/** A drain that asks nobody. */
const cutting: Mistake = {
  wrap: (supervisor) => ({
    drain: () => {
      for (const { id } of supervisor.sessions()) void supervisor.terminate(id, 'drained');
      return supervisor.drain();
    },
  }),
};

test.each<[string, SupervisorRuleName, SupervisorPathsOptions, Mistake]>([
  ['a cap of one more, evicting', 'evictedInOrder', calls, { options: { maxSessions: 3 } }],
  ['a cap of one more, rejecting', 'fullRefused', { whenFull: 'reject' }, { options: { maxSessions: 3 } }],
  ['a cap of one less, evicting', 'othersKept', calls, { options: { maxSessions: 1 } }],
  ['a cap of one less, rejecting', 'admitted', { whenFull: 'reject' }, { options: { maxSessions: 1 } }],
  ['evicting instead of rejecting', 'fullRefused', { whenFull: 'reject' }, { options: { whenFull: 'evict-idle' } }],
  ['rejecting instead of evicting', 'admitted', calls, { options: { whenFull: 'reject' } }],
  [
    'one more for each principal',
    'principalFullRefused',
    { maxSessionsPerPrincipal: 1 },
    { options: { maxSessionsPerPrincipal: 2 } },
  ],
  [
    'one less for each principal',
    'admitted',
    { maxSessions: 3, maxSessionsPerPrincipal: 2 },
    { options: { maxSessionsPerPrincipal: 1 } },
  ],
  [
    'a principal for each',
    'principalFullRefused',
    { maxSessionsPerPrincipal: 1 },
    { options: { principal: () => crypto.randomUUID() } },
  ],
  [
    'a refusal without Retry-After',
    'fullRefused',
    { whenFull: 'reject' },
    changingResponses((response) => {
      response.headers.delete('retry-after');
      return response;
    }),
  ],
  [
    '400 for an id that has ended',
    'endedIsNotFound',
    calls,
    changingResponses((response) => (response.status === 404 ? new Response(null, { status: 400 }) : response)),
  ],
  [
    'the same ids again',
    'idsUnique',
    { maxSessions: 1 },
    { options: { sessionIdGenerator: alternating('one', 'other') } },
  ],
  ['an idle timeout that is late', 'sessionEnded', { timeouts }, { options: { sessionIdleTimeout: 60_002 } }],
  ['a drain that cuts calls', 'drainKeepsCalls', calls, cutting],
  [
    'a drain that waits for idle sessions',
    'drainEnds',
    calls,
    { wrap: () => ({ drain: () => new Promise(() => {}) }) },
  ],
  ['a drain that is over too soon', 'drainKeepsCalls', calls, { wrap: () => ({ drain: async () => {} }) }],
  [
    'a drain that lets new ones in',
    'drainRefuses',
    calls,
    {
      wrap: (it) => {
        // Behind this one stands another, which never drains.
        const other = createSessionSupervisor({ server: createGatedServer().factory });
        let draining = false;
        return {
          drain: () => {
            draining = true;
            return it.drain();
          },
          fetch: (request, init) =>
            (draining && !request.headers.has('mcp-session-id') ? other : it).fetch(request, init),
        };
      },
    },
  ],
  ['a drain beyond its time', 'drainEnds', { timeouts }, { options: { shutdownTimeout: 10_002 } }],
])('%s is found: %s', async (_, rule, options, mistake) => {
  expect(await scriptThatBreaks(rule, options, mistake)).not.toBeUndefined();
  expect(await scriptThatBreaks(rule, { ...options, coverage: 'random' }, mistake)).not.toBeUndefined();
});

describe('a rule that is not README’s differs from what our supervisor does', () => {
  /** README's rule, but for who goes. */
  const evicting =
    (choose: (idle: readonly Standing[], all: readonly Standing[]) => Standing | undefined): AdmissionRule =>
    (sessions, principal, caps) => {
      const answer = admission(sessions, principal, caps);
      const idle = sessions.filter(({ state }) => state === 'idle');
      const chosen = answer.evicted === undefined ? undefined : choose(idle, sessions);
      return { ...answer, evicted: chosen && sessions.indexOf(chosen) };
    };
  const most = (idle: readonly Standing[], held: readonly Standing[]) => {
    const count = ({ principal }: Standing) => held.filter((other) => other.principal === principal).length;
    return idle.filter((one) => count(one) === Math.max(...idle.map(count)));
  };
  const unusedFirst = (sessions: readonly Standing[]) => sessions.find(({ used }) => !used) ?? sessions[0];

  test.each<[string, AdmissionRule, number]>([
    ['whoever holds the most', evicting((idle) => unusedFirst(idle)), 3],
    ['whoever has the most that are idle', evicting((idle) => unusedFirst(most(idle, idle))), 3],
    ['used or not', evicting((idle, all) => most(idle, all)[0]), 2],
    ['the shortest idle', evicting((idle, all) => unusedFirst([...most(idle, all)].reverse())), 2],
  ])('%s', async (_, admit, maxSessions) => {
    const script = await scriptThatBreaks('evictedInOrder', { ...calls, maxSessions, admit });
    expect(script?.at(-1)).toContain('(evicts');
  });

  test('README’s own, written in the same way, does not', async () => {
    const admit = evicting((idle, all) => unusedFirst(most(idle, all)));
    expect(await scriptThatBreaks('evictedInOrder', { ...calls, admit })).toBeUndefined();
  });
});
