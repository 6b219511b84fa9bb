/**
 * What xstate must be for us, tried out once per process on a tiny parent with children. What the supervisor can't do
 * without (children that are there when `send` returns) is an error with a code; what only makes it faster (a scheduler
 * of our own, actors without their options) is left undone where it would not be safe.
 */
import { createRequire } from 'node:module';
import {
  type ActorRefFrom,
  type ActorSystem,
  type ActorSystemInfo,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  cancel,
  createActor,
  createMachine,
  type DoneActorEvent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import type { TimerClock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import { withDirectTransitions } from './directTransitions.ts';
import { replaceScheduler } from './scheduler.ts';

type System = ActorSystem<ActorSystemInfo>;

/** The versions that all of this was tested with, as package.json has them. */
export const SUPPORTED_XSTATE = '~5.33.3';

export interface XstateContract {
  /** `replaceScheduler` does what xstate's own scheduler does. */
  readonly replacesScheduler: boolean;
  /** An actor that has started does not look at its `options` again. */
  readonly releasesOptions: boolean;
  /** `withDirectTransitions` does what xstate does. */
  readonly takesDirectWay: boolean;
}

let tried: XstateContract | undefined;

/**
 * What may be done with the xstate that is installed. Tried out by the first call.
 * @throws {SupervisorError} `UNSUPPORTED_XSTATE`
 */
export function xstateContract(): XstateContract {
  tried ??= examine(createActor);
  return tried;
}

/**
 * Tries out what makes actors.
 * @throws {SupervisorError} `UNSUPPORTED_XSTATE`
 */
export function examine(create: typeof createActor): XstateContract {
  let broken: string | undefined;
  try {
    broken = live(create);
  } catch (error) {
    throw unsupported('its actors throw', error);
  }
  if (broken !== undefined) throw unsupported(broken);
  return {
    replacesScheduler: holds(() => schedulesAsKnown(create) && livesOnOurScheduler(create)),
    releasesOptions: holds(() => livesWithoutOptions(create)),
    takesDirectWay: holds(() => goesDirect(create)),
  };
}

function holds(trial: () => boolean): boolean {
  try {
    return trial();
  } catch {
    return false;
  }
}

function unsupported(what: string, cause?: unknown): SupervisorError {
  const message = `The xstate that is installed (${installedVersion()}) can not carry sessions: ${what}. Install ${SUPPORTED_XSTATE}, which the supervisor depends on`;
  return new SupervisorError('UNSUPPORTED_XSTATE', message, { cause });
}

function installedVersion(): string {
  try {
    const { version } = createRequire(import.meta.url)('xstate/package.json') as { readonly version: string };
    return version;
  } catch {
    return 'of an unknown version'; // bundled, or no file system
  }
}

/** Time that passes by hand. */
class TrialClock implements TimerClock {
  readonly #timers = new Map<number, { readonly fn: () => void; readonly delay: number }>();
  #next = 0;

  get pending(): number {
    return this.#timers.size;
  }

  setTimeout(fn: () => void, delay: number): number {
    this.#timers.set(this.#next, { fn, delay });
    return this.#next++;
  }

  clearTimeout(id: number): void {
    this.#timers.delete(id);
  }

  /** Fires the timers of exactly this delay. */
  fire(delay: number): void {
    for (const [id, timer] of [...this.#timers]) {
      if (timer.delay !== delay) continue;
      this.#timers.delete(id);
      timer.fn();
    }
  }
}

/** What a trial changes about the actors that it lets live. */
interface Change {
  readonly system?: (system: System, clock: TimerClock) => void;
  readonly child?: (actor: ChildActor) => void;
}

/** After so many ms a child ends by itself: when it is idle, and at last. */
const IDLE = 2;
const LIFETIME = 100;

/** As little as shows what the supervisor stands on. Not our own machines: whether these are right is not asked here. */
const childMachine = setup({ types: { events: {} as { type: 'USE' } | { type: 'END' } } }).createMachine({
  initial: 'new',
  on: { END: '.over' },
  after: { [LIFETIME]: '.over' },
  states: { new: { on: { USE: 'idle' } }, idle: { after: { [IDLE]: 'over' } }, over: { type: 'final' } },
});
type ChildActor = ActorRefFrom<typeof childMachine>;

const parentMachine = setup({
  types: { events: {} as { readonly type: 'SPAWN'; readonly slot: string } | DoneActorEvent },
  actors: { child: childMachine },
  actions: { slotFreed: (_, _params: { readonly slot: string }) => {} },
}).createMachine({
  on: {
    SPAWN: { actions: spawnChild('child', { id: ({ event }) => ('slot' in event ? event.slot : '') }) },
    'xstate.done.actor.*': {
      actions: [
        stopChild(({ event }) => event.actorId),
        { type: 'slotFreed', params: ({ event }) => ({ slot: event.actorId }) },
      ],
    },
  },
});

/** Lets two children live to their ends, one by its timer. Returns what is not as it must be. */
function live(create: typeof createActor, change: Change = {}): string | undefined {
  const clock = new TrialClock();
  const freed: string[] = [];
  const slotFreed = (_: unknown, { slot }: { readonly slot: string }) => void freed.push(slot);
  const root = create(parentMachine.provide({ actions: { slotFreed } }), { clock });
  change.system?.(root.system, clock);
  root.start();
  const child = (slot: string) => root.getSnapshot().children[slot] as ChildActor | undefined;

  for (const slot of ['1', '0']) {
    root.send({ type: 'SPAWN', slot });
    if (child(slot)?.getSnapshot().value !== 'new') return 'a child is not among the children when send returns';
  }
  const [idle, ended] = [child('1'), child('0')];
  if (idle === undefined || ended === undefined || idle === ended) return 'children can not be told by numbers';
  for (const actor of [idle, ended]) change.child?.(actor);

  idle.send({ type: 'USE' });
  if (idle.getSnapshot().value !== 'idle') return 'a transition has not been made when send returns';
  clock.fire(IDLE);
  if (freed.join() !== '1' || child('1') !== undefined)
    return 'a timer does not end a child, or its parent is not told';
  ended.send({ type: 'END' });
  if (freed.join() !== '1,0' || child('0') !== undefined) return 'a parent is not told of the end of a child';
  if (clock.pending > 0) return 'a child that has ended leaves its timers';
  root.stop();
  return undefined;
}

/** The methods that we replace are called as we expect: with whom, what, when and under which id, in this order. */
function schedulesAsKnown(create: typeof createActor): boolean {
  const calls: unknown[][] = [];
  const target = create(createMachine({})) as AnyActorRef;
  const machine = createMachine({
    entry: sendTo(() => target, { type: 'HELLO' }, { delay: 7, id: 'hello' }),
    on: { CANCEL: { actions: cancel('hello') } },
  });
  const source = create(machine);
  for (const method of ['schedule', 'cancel', 'cancelAll'] as const) {
    source.system.scheduler[method] = (...args: unknown[]) => void calls.push([method, ...args]);
  }
  source.start();
  source.send({ type: 'CANCEL' });
  source.stop();
  const [scheduled, cancelled, all] = calls;
  const event = scheduled?.[3] as { readonly type?: unknown } | undefined;
  return (
    calls.length === 3 &&
    same(scheduled, ['schedule', source, target, event, 7, 'hello']) &&
    event?.type === 'HELLO' &&
    same(cancelled, ['cancel', source, 'hello']) &&
    same(all, ['cancelAll', source])
  );
}

function same(found: readonly unknown[] | undefined, expected: readonly unknown[]): boolean {
  return found?.length === expected.length && expected.every((value, index) => found[index] === value);
}

function livesOnOurScheduler(create: typeof createActor): boolean {
  let replaced = false;
  const broken = live(create, {
    system: (system, clock) => {
      replaced = replaceScheduler(system, clock);
    },
  });
  return replaced && broken === undefined;
}

function livesWithoutOptions(create: typeof createActor): boolean {
  let looked = false;
  const noticing =
    <T>(answer: T) =>
    () => {
      looked = true;
      return answer;
    };
  const options = new Proxy({}, { get: noticing(undefined), has: noticing(false), ownKeys: noticing([]) });
  const broken = live(create, {
    child: (actor) => {
      if (!Object.hasOwn(actor, 'options')) looked = true;
      releaseOptions(actor, options);
      actor.getPersistedSnapshot();
    },
  });
  return broken === undefined && !looked;
}

/** Two lives through the same events, one of them by the direct way: they tell the same, and end up the same. */
function goesDirect(create: typeof createActor): boolean {
  const life = (change: (machine: AnyStateMachine) => AnyStateMachine): string => {
    const clock = new TrialClock();
    const told: unknown[] = [];
    const machine = setup({
      types: { context: {} as { readonly uses: number } },
      actions: {
        use: assign({ uses: ({ context }) => context.uses + 1 }),
        tell: ({ context, event }) => void told.push(event.type, context.uses, clock.pending),
      },
      guards: { isNew: ({ context }) => context.uses === 0 },
      delays: { idle: ({ context }) => IDLE + context.uses },
    }).createMachine({
      context: { uses: 0 },
      initial: 'idle',
      after: { [LIFETIME]: '.over' },
      states: {
        idle: { entry: 'tell', exit: 'tell', after: { idle: 'over' }, on: { USE: { target: 'used', actions: 'use' } } },
        used: {
          tags: 'busy',
          entry: 'tell',
          on: { USE: [{ guard: 'isNew', target: 'idle' }, { actions: ['use', 'tell'] }], REST: 'idle' },
        },
        over: { type: 'final' },
      },
    });
    const actor = create(change(machine), { clock });
    actor.start();
    const look = () => {
      const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
      told.push(snapshot, Object.keys(snapshot), snapshot._nodes.length, snapshot.can({ type: 'REST' }), clock.pending);
    };
    for (const type of ['USE', 'USE', 'REST', 'OTHER', 'USE', 'REST']) {
      actor.send({ type });
      look();
    }
    clock.fire(IDLE + 3); // as it is by now
    look();
    return JSON.stringify(told);
  };
  return life((machine) => machine) === life((machine) => withDirectTransitions(machine, () => false));
}

const RELEASED = Object.freeze({});

/**
 * Takes the options from an actor that has started. It keeps an object that xstate builds by spreading, for which V8
 * makes a hidden class of its own each time: 0.45 KiB of each idle session's heap.
 */
export function releaseOptions(actor: AnyActorRef, instead: object = RELEASED): void {
  Object.assign(actor, { options: instead });
}
