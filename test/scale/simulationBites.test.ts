/** That the simulation finds mistakes: supervisors that are broken on purpose, each found and shrunk to a short script. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type AnyStateMachine, createMachine } from 'xstate';
import { createSessionSupervisor } from '../../src/index.ts';
import { runScript, SimulationFailure, shrinkScript, simulate } from '../../src/testing/index.ts';

type Create = typeof createSessionSupervisor;
/** Classes one of whose methods a mistake replaces. */
type Made<T> = new (...args: unknown[]) => T;
interface Forgetting {
  forget(session: unknown): unknown;
}
interface Leaving {
  onLeave(listener: unknown): void;
}

const MOST_STEPS = 30_000;

afterEach(() => {
  vi.resetModules();
});

/** The supervisor with one module of its own replaced; `broken` gets the real one. */
async function brokenBy(path: string, broken: (real: Record<string, unknown>) => object): Promise<Create> {
  vi.resetModules();
  vi.doMock(path, async (original) => {
    const real = await original<Record<string, unknown>>();
    return { ...real, ...broken(real) };
  });
  const { createSessionSupervisor: create } = await import('../../src/index.ts');
  vi.doUnmock(path);
  return create;
}

async function find(create: Create): Promise<SimulationFailure> {
  let steps = 0;
  for (let seed = 1; steps < MOST_STEPS; seed++) {
    try {
      steps += (await simulate({ seed, create })).script.commands.length;
    } catch (error) {
      if (error instanceof SimulationFailure) return error;
      throw error;
    }
  }
  throw new Error(`Nothing was found in ${steps} steps`);
}

interface Mistake {
  readonly name: string;
  readonly create: () => Create | Promise<Create>;
  /** Those that it may break. */
  readonly invariants: readonly string[];
  /** The script is shrunk to so many commands, or fewer. */
  readonly commands: number;
}

const SESSION = '../../src/machines/session.ts';

const MISTAKES: readonly Mistake[] = [
  {
    name: 'the idle timer runs while a call is in flight',
    create: () =>
      brokenBy(SESSION, ({ sessionMachine }) => {
        const { config, implementations } = sessionMachine as AnyStateMachine;
        const { active, idle } = config.states ?? {};
        const states = { ...config.states, active: { ...active, after: idle?.after } };
        return { sessionMachine: createMachine({ ...config, states } as never, implementations as never) };
      }),
    invariants: ['timersAreExact'],
    commands: 2,
  },
  {
    name: 'the end of an exchange is not counted',
    create: () =>
      brokenBy(SESSION, ({ sessionMachine }) => ({
        sessionMachine: (sessionMachine as AnyStateMachine).provide({ actions: { unhold: () => {} } }),
      })),
    invariants: ['inFlightIsExact', 'eventsAreTrue'],
    commands: 1,
  },
  {
    name: 'a session is forgotten a turn of the event loop late',
    create: () =>
      brokenBy('../../src/supervisor/registry.ts', ({ Registry }) => ({
        Registry: class extends (Registry as Made<Forgetting>) {
          override forget(session: unknown) {
            setImmediate(() => super.forget(session));
          }
        },
      })),
    invariants: ['terminatedIsAbsorbing', 'eventsAreTrue'],
    commands: 2,
  },
  {
    name: 'maxSessions is off by one',
    create: () => (options) => createSessionSupervisor({ ...options, maxSessions: (options.maxSessions ?? 0) + 1 }),
    invariants: ['everythingAgrees', 'refusalsHaveCauses'],
    commands: 6,
  },
  {
    name: 'a hold that was given up is not released',
    create: () =>
      brokenBy('../../src/transport/hold.ts', ({ Hold }) => ({
        Hold: class extends (Hold as Made<Leaving>) {
          override onLeave() {}
        },
      })),
    invariants: ['inFlightIsExact'],
    commands: 6,
  },
  {
    name: 'the event store tells sessions apart no more',
    create: () =>
      brokenBy('../../src/stores/eventLog.ts', ({ EventLog }) => ({
        EventLog: class extends (EventLog as Made<object>) {
          constructor(store: unknown, _sessionId: unknown, timers: unknown) {
            super(store, 'one for all', timers);
          }
        },
      })),
    invariants: ['oneAnswer', 'refusalsHaveCauses'],
    commands: 4,
  },
  {
    name: 'the id of a session that has ended is answered 400',
    create: () =>
      brokenBy('../../src/errors.ts', ({ REFUSALS }) => {
        const refusals = REFUSALS as { sessionNotFound: object };
        return { REFUSALS: { ...refusals, sessionNotFound: { ...refusals.sessionNotFound, status: 400 } } };
      }),
    invariants: ['endedIsNotFound'],
    commands: 3,
  },
];

describe('the simulation finds', () => {
  test.each(MISTAKES)('that $name', { timeout: 120_000 }, async ({ create, invariants, commands }) => {
    const broken = await create();
    const found = await find(broken);
    expect(found.message).toContain(`seed ${found.seed}`);
    const replayed = await runScript(found.script, { create: broken }).catch((error: unknown) => error);
    expect(replayed).toMatchObject({ invariant: found.invariant, got: found.got, trace: found.trace });

    const shortest = await shrinkScript(fc, found.script, { create: broken });
    expect(invariants).toContain(shortest.invariant);
    expect(shortest.script.commands.length).toBeLessThanOrEqual(commands);
    expect(shortest.message).toContain(`runScript(${JSON.stringify(shortest.script)})`);

    await expect(runScript(shortest.script, { create: broken })).rejects.toThrow(shortest.got);
    await expect(runScript(shortest.script)).resolves.toBeDefined();
  });
});

test('a script that does not fail can’t be shrunk', async () => {
  await expect(shrinkScript(fc, { settings: 0, commands: [] })).rejects.toThrow('does not fail');
});
