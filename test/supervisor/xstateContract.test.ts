/** What xstate must be for us: the one that we have is, and one that is not is refused or left as it is. */
import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { SupervisorError } from '../../src/errors.ts';
import { examine, SUPPORTED_XSTATE, xstateContract } from '../../src/supervisor/xstateContract.ts';
import { server } from '../support/givenOptions.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { until } from '../support/until.ts';
import { initializeBody } from '../support/wire.ts';

interface Actor extends AnyActorRef {
  options: unknown;
}

/** xstate's `createActor`, but for what is done to each actor: the roots that are made with it and their children. */
function doctored(doctor: (actor: Actor, isRoot: boolean) => void): typeof createActor {
  const create = (logic: Parameters<typeof createActor>[0], options: object) => {
    const root = createActor(logic, options);
    root.system.inspect((event) => {
      if (event.type === '@xstate.actor') doctor(event.actorRef as Actor, false);
    });
    doctor(root as Actor, true);
    return root;
  };
  return create as typeof createActor;
}

function refusal(create: typeof createActor): SupervisorError {
  try {
    examine(create);
  } catch (error) {
    if (error instanceof SupervisorError) return error;
    throw error;
  }
  throw new Error('It was accepted');
}

test('the xstate that we have is all of it', () => {
  expect(examine(createActor)).toEqual({ replacesScheduler: true, releasesOptions: true, takesDirectWay: true });
  expect(examine(doctored(() => {}))).toEqual({ replacesScheduler: true, releasesOptions: true, takesDirectWay: true });
});

test('it is tried out once, and costs next to nothing', () => {
  const first = xstateContract();
  expect(xstateContract()).toBe(first);
  examine(createActor); // warm
  const before = performance.now();
  examine(createActor);
  expect(performance.now() - before).toBeLessThan(100);
});

test('the versions that it names are those of package.json', async () => {
  const { dependencies } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(SUPPORTED_XSTATE).toBe(dependencies['xstate']);
});

const REFUSED: readonly (readonly [string, RegExp, Parameters<typeof doctored>[0]])[] = [
  [
    'children that come later',
    /not among the children when send returns/,
    (actor, isRoot) => {
      const { send } = actor;
      if (isRoot) Object.assign(actor, { send: (event: never) => queueMicrotask(() => send(event)) });
    },
  ],
  [
    'children that are no longer in the snapshot',
    /not among the children when send returns/,
    (actor, isRoot) => {
      const { getSnapshot } = actor;
      const without = () => ({ ...getSnapshot.call(actor), children: {} });
      if (isRoot) Object.assign(actor, { getSnapshot: without });
    },
  ],
  [
    'children under other ids',
    /not among the children when send returns/,
    (actor, isRoot) => {
      const { getSnapshot } = actor;
      const renamed = () => {
        const snapshot = getSnapshot.call(actor);
        const children = Object.entries((snapshot.children ?? {}) as object);
        return { ...snapshot, children: Object.fromEntries(children.map(([id, child]) => [`x${id}`, child])) };
      };
      if (isRoot) Object.assign(actor, { getSnapshot: renamed });
    },
  ],
  [
    'one child under all ids',
    /can not be told by numbers/,
    (actor, isRoot) => {
      const { getSnapshot } = actor;
      const mixed = () => {
        const snapshot = getSnapshot.call(actor);
        const [child] = Object.values((snapshot.children ?? {}) as object);
        return { ...snapshot, children: { 0: child, 1: child } };
      };
      if (isRoot) Object.assign(actor, { getSnapshot: mixed });
    },
  ],
  [
    'an end that is not told',
    /not told of the end of a child/,
    (actor, isRoot) => {
      const { send } = actor;
      const deaf = (event: { readonly type: string }) => event.type !== 'END' && send(event);
      if (!isRoot) Object.assign(actor, { send: deaf });
    },
  ],
  [
    'transitions that come later',
    /has not been made when send returns/,
    (actor, isRoot) => {
      const { send } = actor;
      if (!isRoot) Object.assign(actor, { send: (event: never) => queueMicrotask(() => send(event)) });
    },
  ],
  [
    'timers that never end',
    /a timer does not end a child/,
    ({ system }, isRoot) => {
      if (isRoot) system.scheduler.schedule = () => {};
    },
  ],
  [
    'an end that leaves timers',
    /leaves its timers/,
    ({ system }, isRoot) => {
      if (isRoot) system.scheduler.cancelAll = () => {};
      if (isRoot) system.scheduler.cancel = () => {};
    },
  ],
];

type Scheduler = AnyActorRef['system']['scheduler'];
/** Lets xstate call the scheduler, whoever has replaced it by then, in another way. */
const calling = (name: keyof Scheduler, change: (...args: unknown[]) => unknown[]) =>
  doctored(({ system }, isRoot) => {
    if (!isRoot) return;
    const own = system.scheduler[name] as (...args: unknown[]) => void;
    let method = own;
    Object.defineProperty(system.scheduler, name, {
      get: () => (method === own ? method : (...args: unknown[]) => method(...change(...args))),
      set: (replacement: typeof method) => {
        method = replacement;
      },
      enumerable: true,
    });
  });

const REPLACED: readonly (readonly [string, typeof createActor])[] = [
  ['source and target in the other order', calling('schedule', (source, target, ...rest) => [target, source, ...rest])],
  ['delay before event', calling('schedule', (source, target, event, delay, id) => [source, target, delay, event, id])],
  ['one argument more', calling('cancelAll', (actor) => [actor, 'more'])],
  ['the id first', calling('schedule', (source, target, event, delay, id) => [id, source, target, event, delay])],
  [
    'one object for all',
    calling('schedule', (source, target, event, delay, id) => [{ source, target, event, delay, id }]),
  ],
  [
    'an event by its type',
    calling('schedule', (a, b, event, ...rest) => [a, b, (event as { type: string }).type, ...rest]),
  ],
  ['a cancellation by id alone', calling('cancel', (_, id) => [id])],
  ['the end by a session id', calling('cancelAll', (actor) => [(actor as AnyActorRef).sessionId])],
];

describe('what sessions can not do without is refused', () => {
  test.each(REFUSED)('%s', (_, what, doctor) => {
    const { code, message } = refusal(doctored(doctor));
    expect(code).toBe('UNSUPPORTED_XSTATE');
    expect(message).toMatch(what);
    expect(message).toContain(SUPPORTED_XSTATE);
    expect(message).toMatch(/\(5\.\d+\.\d+\)/);
  });

  test('actors that throw, with the error as the cause', () => {
    const cause = new TypeError('createActor is no more');
    const error = refusal((() => {
      throw cause;
    }) as unknown as typeof createActor);
    expect(error).toMatchObject({ code: 'UNSUPPORTED_XSTATE', cause });
    expect(error.message).toContain('its actors throw');
  });
});

describe('what only makes it faster is left undone', () => {
  test.each(REPLACED)('the scheduler stays, with %s', (_, create) => {
    expect(examine(create)).toEqual({ replacesScheduler: false, releasesOptions: true, takesDirectWay: true });
  });

  test('the scheduler stays, where events are relayed in another way', () => {
    const create = doctored(({ system }, isRoot) => {
      const relaying = system as unknown as { _relay: (...args: unknown[]) => void };
      const { _relay } = relaying;
      // xstate's own calls go on, ours (by a name that is looked up when the time is up) get lost.
      const { schedule } = system.scheduler;
      if (!isRoot) return;
      Object.defineProperty(relaying, '_relay', {
        get: () => (system.scheduler.schedule === schedule ? _relay : lost(_relay)),
      });
    });
    /** Delivers what has no source or comes from another actor, and loses what an actor sends to itself. */
    const lost =
      (relay: (...args: unknown[]) => void) =>
      (source: unknown, target: unknown, event: unknown): void => {
        if (source !== target) relay(source, target, event);
      };
    expect(examine(create)).toEqual({ replacesScheduler: false, releasesOptions: true, takesDirectWay: true });
  });

  test.each([
    ['when it is sent to', (actor: Actor) => actor.options && (actor.options as { id?: unknown }).id],
    ['to see what there is', (actor: Actor) => 'id' in (actor.options as object)],
    ['to copy them', (actor: Actor) => ({ ...(actor.options as object) })],
  ])('options stay where an actor looks at them %s', (_, look) => {
    const create = doctored((actor, isRoot) => {
      const { send } = actor;
      if (isRoot) return;
      const looking = (event: never) => {
        look(actor);
        send(event);
      };
      Object.assign(actor, { send: looking });
    });
    expect(examine(create)).toEqual({ replacesScheduler: true, releasesOptions: false, takesDirectWay: true });
  });

  test.each([
    ['are made of something else', ({ tags: _, ...rest }: AnyMachineSnapshot) => rest],
    ['find another state', (snapshot: AnyMachineSnapshot) => ({ ...snapshot, value: 'over' })],
    ['keep what they were', (_: AnyMachineSnapshot, before: AnyMachineSnapshot) => before],
  ])('no transition goes the direct way, where snapshots %s', (_, change) => {
    const create = ((logic: AnyStateMachine, options: object) => {
      if (logic.transition.name !== 'direct') return createActor(logic, options);
      const { transition } = logic;
      const changed = (before: AnyMachineSnapshot, ...rest: never[]) =>
        change((transition as (...args: unknown[]) => AnyMachineSnapshot)(before, ...rest), before);
      return createActor(Object.assign(logic, { transition: changed }), options);
    }) as typeof createActor;
    expect(examine(create)).toEqual({ replacesScheduler: true, releasesOptions: true, takesDirectWay: false });
  });

  test('options stay where they can not be taken, or are kept elsewhere', () => {
    const frozen = doctored((actor, isRoot) => {
      const { options } = actor;
      if (!isRoot) Object.defineProperty(actor, 'options', { get: () => options, configurable: false });
    });
    expect(examine(frozen).releasesOptions).toBe(false);
    const inherited = doctored((actor, isRoot) => {
      if (isRoot) return;
      const { options } = actor;
      Object.setPrototypeOf(
        actor,
        Object.create(Object.getPrototypeOf(actor), { options: { value: options, writable: true } }),
      );
      Reflect.deleteProperty(actor, 'options');
    });
    expect(examine(inherited).releasesOptions).toBe(false);
  });
});

function initializeRequest(): Request {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  return new Request('http://localhost/', { method: 'POST', headers, body: JSON.stringify(initializeBody()) });
}

describe('a supervisor', () => {
  async function withXstate(create: typeof createActor): Promise<typeof import('../../src/index.ts')> {
    vi.resetModules();
    vi.doMock('xstate', async (original) => ({ ...(await original<object>()), createActor: create }));
    onTestFinished(() => {
      vi.doUnmock('xstate');
      vi.resetModules();
    });
    return import('../../src/index.ts');
  }

  test('is not made with an xstate that can not carry sessions', async () => {
    const [, , doctor] = REFUSED[0] ?? expect.unreachable();
    const { createSessionSupervisor } = await withXstate(doctored(doctor));
    expect(() => createSessionSupervisor({ server })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_XSTATE' }));
  });

  test('leaves its actors the options that they look at', async () => {
    const looking = doctored((actor, isRoot) => {
      const { send } = actor;
      const look = (event: never) => [(actor.options as { id?: unknown }).id, send(event)];
      if (!isRoot) Object.assign(actor, { send: look });
    });
    const { createSessionSupervisor } = await withXstate(looking);
    const supervisor = createSessionSupervisor({ server: () => new TinyServer() });
    await (await supervisor.fetch(initializeRequest())).text();
    const [partition] = Object.values(supervisor.actor.getSnapshot().children) as AnyActorRef[];
    const sessions = Object.values(partition?.getSnapshot().children ?? {}) as Actor[];
    expect(sessions.map(({ options }) => options)).toMatchObject([{ id: expect.any(String) }]);
    await supervisor.drain();
  });

  test.each(REPLACED)('works without its own scheduler, with %s', async (_, create) => {
    const { createSessionSupervisor } = await withXstate(create);
    const clock = new SimulatedClock();
    const supervisor = createSessionSupervisor({ server: () => new TinyServer(), clock, sessionIdleTimeout: 5_000 });
    const reasons: unknown[] = [];
    supervisor.on('session.terminated', ({ reason }) => reasons.push(reason));
    await (await supervisor.fetch(initializeRequest())).text();
    await until(() => [...supervisor.sessions()][0]?.state === 'idle', { what: 'the session to be idle' });
    await advance(clock, 5_000);
    expect(reasons).toEqual(['idle']);
  });
});
