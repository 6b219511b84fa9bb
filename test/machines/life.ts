/** One session machine on simulated time, watched: what the tests of the session machine look at. */
import { createActor } from 'xstate';
import {
  type SessionMachineContext,
  type SessionMachineEvent,
  type SessionTimeouts,
  sessionMachine,
} from '../../src/machines/session.ts';
import { WatchedClock } from '../support/watchedClock.ts';

export const TIMEOUTS: SessionTimeouts = {
  initializeTimeout: 100,
  sessionIdleTimeout: 1_000,
  maxSessionLifetime: 100_000,
};
/** The same, with parking. */
export const PARKING: SessionTimeouts = { ...TIMEOUTS, parkAfter: 500 };
export const FOR_EVER: SessionTimeouts = {
  initializeTimeout: null,
  sessionIdleTimeout: null,
  maxSessionLifetime: null,
};
const TIMER_NAMES: Readonly<Record<number, string>> = {
  100: 'initialize',
  500: 'park',
  1000: 'idle',
  100000: 'lifetime',
};

/** Simulated time that passes before each event of a story, in ms. */
const STEP = 10;

export class Life {
  readonly clock = new WatchedClock();
  /** The world's actions that ran, with what the context said as they did. */
  readonly actions: string[] = [];
  /** The outputs that a parent would see: one at most, if the end is the end. */
  readonly outputs: unknown[] = [];
  /** What the guard is told. */
  nothingRuns = true;
  readonly actor;

  constructor(timeouts: SessionTimeouts = TIMEOUTS, { restored = false } = {}) {
    const did =
      (name: string) =>
      ({ context }: { context: SessionMachineContext }) =>
        void this.actions.push(`${name} ${context.inFlight} ${context.reason}`);
    const machine = sessionMachine.provide({
      guards: { nothingRuns: () => this.nothingRuns },
      actions: {
        announceActive: did('announceActive'),
        announceIdle: did('announceIdle'),
        park: did('park'),
        release: did('release'),
      },
    });
    const input = { sessionId: 'id-1', timeouts, ...(restored && { restored }) };
    this.actor = createActor(machine, { clock: this.clock, input });
    this.actor.subscribe({ complete: () => void this.outputs.push(this.actor.getSnapshot().output) });
    this.actor.start();
  }

  /** Lets these happen, one after the other. */
  live(events: readonly SessionMachineEvent[]): this {
    for (const event of events) {
      this.clock.increment(STEP);
      this.actor.send(event);
    }
    return this;
  }

  /** Forgets which actions ran so far. */
  from(): this {
    this.actions.length = 0;
    return this;
  }

  get state(): string {
    return this.actor.getSnapshot().value;
  }

  get context(): SessionMachineContext {
    return this.actor.getSnapshot().context;
  }

  /** The pending timers that will ever fire, by name, with the time at which they fire. */
  get timers(): string[] {
    const ever = this.clock.pending.filter(({ due }) => due !== Number.POSITIVE_INFINITY);
    return ever.map(({ delay, due }) => `${TIMER_NAMES[delay] ?? delay}@${due}`);
  }
}

export const INITIALIZED = { type: 'INITIALIZED' } as const;
export const REQUEST = { type: 'REQUEST' } as const;
export const RESPONSE = { type: 'RESPONSE' } as const;
export const RESTORED = { type: 'RESTORED' } as const;
export const PARK = { type: 'PARK' } as const;
const DROP = { type: 'DROP' } as const;
export const TERMINATE = { type: 'TERMINATE', reason: 'evicted' } as const;
/** What xstate sends when a delay has passed; sent by hand it shows that a timer's event means nothing elsewhere. */
const late = (type: string) => ({ type }) as unknown as SessionMachineEvent;

export const EVENTS = {
  INITIALIZED,
  REQUEST,
  RESPONSE,
  RESTORED,
  PARK,
  DROP,
  TERMINATE,
  initializeTimeout: late('xstate.after.initializeTimeout.session.initializing'),
  restoreTimeout: late('xstate.after.initializeTimeout.session.restoring'),
  sessionIdleTimeout: late('xstate.after.sessionIdleTimeout.session.idle'),
  parkAfter: late('xstate.after.parkAfter.session.idle'),
  maxSessionLifetime: late('xstate.after.maxSessionLifetime.session'),
} as const;

/** How a session comes to be in each state: at these steps, `STEP` ms apart. */
export const GIVEN = {
  initializing: [],
  'active, 1': [INITIALIZED],
  'active, 2': [INITIALIZED, REQUEST],
  'active, 3': [INITIALIZED, REQUEST, REQUEST],
  idle: [INITIALIZED, RESPONSE],
  restoring: [],
  parked: [INITIALIZED, RESPONSE, PARK],
  terminated: [INITIALIZED, { type: 'TERMINATE', reason: 'deleted' }],
} as const satisfies Record<string, readonly SessionMachineEvent[]>;

export const LIFETIME = 'lifetime@100000';
