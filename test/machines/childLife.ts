/** One child machine on simulated time, watched: what the tests of the child machine look at. */

import {
  type ChildInput,
  type ChildMachineContext,
  type ChildMachineEvent,
  childMachine,
} from 'mcp-session-supervisor/machines';
import { createActor } from 'xstate';
import { WatchedClock } from '../support/watchedClock.ts';

const INPUT: ChildInput = {
  sessionId: 'id-1',
  restart: 'temporary',
  maxRestarts: 3,
  maxSeconds: 30,
  stopTimeout: 10_000,
};

const TIMER_NAMES: Readonly<Record<number, string>> = {
  2000: 'stdin',
  7000: 'term',
  30000: 'steady',
};

/** Simulated time that passes before each event of a story, in ms. */
const STEP = 10;

export class ChildLife {
  readonly clock = new WatchedClock();
  /** The world's actions that ran, with the generation in which they did. */
  readonly actions: string[] = [];
  readonly outputs: unknown[] = [];
  readonly actor;

  constructor(input: Partial<ChildInput> = {}, child: typeof childMachine = childMachine) {
    const did =
      (name: string) =>
      ({ context }: { context: ChildMachineContext }) =>
        void this.actions.push(`${name} ${context.generation}`);
    const machine = child.provide({
      actions: {
        start: did('start'),
        closeStdin: did('closeStdin'),
        terminate: did('terminate'),
        kill: did('kill'),
        end: did('end'),
      },
    });
    this.actor = createActor(machine, { clock: this.clock, input: { ...INPUT, ...input } });
    this.actor.subscribe({ complete: () => void this.outputs.push(this.actor.getSnapshot().output) });
    this.actor.start();
  }

  /** Lets these happen, one after the other. An event that has a time gets that at which it happens. */
  live(events: readonly ChildMachineEvent[]): this {
    for (const event of events) {
      this.clock.increment(STEP);
      this.actor.send('at' in event ? { ...event, at: this.clock.now() } : event);
    }
    return this;
  }

  /** Forgets which actions ran so far. */
  from(): this {
    this.actions.length = 0;
    return this;
  }

  pass(ms: number): this {
    this.clock.increment(ms);
    return this;
  }

  get state(): string {
    return this.actor.getSnapshot().value;
  }

  get context(): ChildMachineContext {
    return this.actor.getSnapshot().context;
  }

  /** The pending timers, by name where only one has such a delay, with the time at which they fire. */
  get timers(): string[] {
    return this.clock.pending.map(({ delay, due }) => `${TIMER_NAMES[delay] ?? delay}@${due}`);
  }

  /** What distinguishes the context, in short: generation, pid, exit, and what is decided. */
  get summary(): string {
    const { generation, pid, exit, wasReady, restarts, attempts, willRestart, gaveUp } = this.context;
    return [
      `g${generation}`,
      pid ?? '-',
      exit === null ? '-' : (exit.signal ?? exit.code),
      wasReady ? 'was ready' : 'new',
      `${attempts}/${restarts.length}`,
      ...(willRestart ? ['again'] : []),
      ...(gaveUp ? ['gave up'] : []),
    ].join(' ');
  }
}

export const STARTED = { type: 'STARTED', pid: 7 } as const;
export const READY = { type: 'READY' } as const;
export const FAILED = { type: 'FAILED', at: 0 } as const;
export const EXIT_0 = { type: 'EXITED', at: 0, code: 0, signal: null } as const;
export const EXIT_1 = { type: 'EXITED', at: 0, code: 1, signal: null } as const;
export const KILLED = { type: 'EXITED', at: 0, code: null, signal: 'SIGSEGV' } as const;
const BROKEN = { type: 'BROKEN', at: 0 } as const;
export const EMPTIED = { type: 'EMPTIED' } as const;
export const STOP = { type: 'STOP' } as const;
/** What xstate sends when a delay has passed; sent by hand it shows that a timer's event means nothing elsewhere. */
const late = (type: string) => ({ type }) as unknown as ChildMachineEvent;
const STDIN_GRACE = late('xstate.after.stdinGrace.child.stopping');
const TERM_GRACE = late('xstate.after.termGrace.child.terminating');

export const EVENTS = {
  STARTED,
  READY,
  FAILED,
  'EXITED 0': EXIT_0,
  'EXITED 1': EXIT_1,
  BROKEN,
  EMPTIED,
  STOP,
  stdinGrace: STDIN_GRACE,
  termGrace: TERM_GRACE,
  killGrace: late('xstate.after.killGrace.child.killing'),
  backoff: late('xstate.after.backoff.child.restarting'),
  steady: late('xstate.after.steady.child.ready'),
} as const;

interface Given {
  readonly input?: Partial<ChildInput>;
  readonly events: readonly ChildMachineEvent[];
}

const permanent = { restart: 'permanent' } as const;
const transient = { restart: 'transient' } as const;

/** How a child comes to be in each state: at these steps, `STEP` ms apart. */
export const GIVEN = {
  'starting, new': { input: permanent, events: [] },
  'starting, again': { input: permanent, events: [STARTED, READY, EXIT_1, EMPTIED] },
  'starting, last': { input: { ...permanent, maxRestarts: 1 }, events: [STARTED, READY, EXIT_1, EMPTIED] },
  'ready, temporary': { events: [STARTED, READY] },
  'ready, transient': { input: transient, events: [STARTED, READY] },
  'ready, permanent': { input: permanent, events: [STARTED, READY] },
  'ready, again': { input: permanent, events: [STARTED, READY, EXIT_1, EMPTIED, STARTED, READY] },
  'ready, last': { input: { ...permanent, maxRestarts: 0 }, events: [STARTED, READY] },
  restarting: { input: permanent, events: [STARTED, READY, EXIT_1] },
  stopping: { events: [STARTED, READY, STOP] },
  'stopping, new': { events: [STOP] },
  terminating: { events: [STARTED, READY, STOP, STDIN_GRACE] },
  'terminating, again': { input: permanent, events: [STARTED, READY, EXIT_1] },
  'terminating, new': { events: [STOP, STDIN_GRACE] },
  killing: { events: [STARTED, READY, STOP, STDIN_GRACE, TERM_GRACE] },
  'killing, again': { input: permanent, events: [STARTED, READY, EXIT_1, TERM_GRACE] },
  'killing, new': { events: [STOP, STDIN_GRACE, TERM_GRACE] },
  gone: { events: [STARTED, READY, STOP, EMPTIED] },
} as const satisfies Record<string, Given>;

/** A child in one of these states, with its actions forgotten. `restarting` is at the moment in which it is entered. */
export function given(name: keyof typeof GIVEN, machine?: typeof childMachine): ChildLife {
  const { input, events }: Given = GIVEN[name];
  const life = new ChildLife(input, machine).live(events);
  if (name === 'restarting') life.actor.send(EMPTIED); // the first delay is 0: the next step would end it
  if (name.startsWith('starting, ') && name !== 'starting, new') life.pass(STEP);
  return life.from();
}

/** What comes of an event in one of these states. */
export function outcome(name: keyof typeof GIVEN, event: keyof typeof EVENTS, machine?: typeof childMachine) {
  const life = given(name, machine);
  const sent = EVENTS[event];
  // The first restart waits for nothing: a step would end it.
  if (name === 'restarting') life.actor.send('at' in sent ? { ...sent, at: life.clock.now() } : sent);
  else life.live([sent]);
  return [life.state, life.summary, life.actions, life.timers];
}
