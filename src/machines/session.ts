/**
 * The life of one MCP session: `initializing → active → idle → terminated`. Where sessions have records, two states more:
 * `parked`, the end of an actor whose session lives on as its record, and `restoring`, where the next actor begins.
 * Pure: imports xstate alone, holds JSON alone, and reaches the world through its named actions, which
 * `sessionMachine.provide({ actions })` fills in. A handle, which is state of the embedder's own, lives the same life: its
 * `open` is what initializes it, and what holds it is who uses it.
 */
import { and, assign, setup } from 'xstate';
import type { EndReason } from './reasons.ts';

/** How long a session may stay where it is, in ms; `null` is for ever (JSON has no Infinity). */
export interface SessionTimeouts {
  readonly initializeTimeout: number | null;
  readonly sessionIdleTimeout: number | null;
  readonly maxSessionLifetime: number | null;
  /** Default: `null`. */
  readonly parkAfter?: number | null;
}

/** What the machine of a session is started with. */
export interface SessionInput {
  readonly sessionId: string;
  /** Of a session that is brought back, what is left of them. */
  readonly timeouts: SessionTimeouts;
  /** The session had an actor before, and is brought back. */
  readonly restored?: boolean;
  /** It is no session but a handle of the kind with this name. */
  readonly handle?: string;
}

/** What the machine of a session knows: JSON alone. */
export interface SessionMachineContext extends SessionInput {
  /** Exchanges that hold the session; the initialize is the first, or what has it brought back. */
  readonly inFlight: number;
  /** Why it ended; `null` while it lives, parked or not. */
  readonly reason: EndReason | null;
}

/** What can happen to a session. */
export type SessionMachineEvent =
  /** The initialize was answered with a result. */
  | { readonly type: 'INITIALIZED' }
  /** An exchange begins. Refused (no transition) unless the session is `active` or `idle`. */
  | { readonly type: 'REQUEST' }
  /** An exchange has ended, however it ended. */
  | { readonly type: 'RESPONSE' }
  /** Its server has been put back as it was. */
  | { readonly type: 'RESTORED' }
  /** Nothing is in flight, and the session is to live on as its record alone. */
  | { readonly type: 'PARK' }
  /** Whatever is in flight is given up; the session lives on as its record. */
  | { readonly type: 'DROP' }
  /** Ends the session from anywhere. */
  | { readonly type: 'TERMINATE'; readonly reason: EndReason };

/** How the actor of a session ended. */
export interface SessionOutput {
  /** Why the session ended; `null` where it was parked, and lives on. */
  readonly reason: EndReason | null;
}

/** The timers live in `after`; the delays are read from the context, the guards keep `null` from ever firing. */
export const sessionMachine = setup({
  types: {
    context: {} as SessionMachineContext,
    input: {} as SessionInput,
    events: {} as SessionMachineEvent,
    output: {} as SessionOutput,
  },
  delays: {
    // Infinity fires at once on Node's clock; the supervisor's scheduler drops it, and the guards below hold anyway.
    initializeTimeout: ({ context }) => context.timeouts.initializeTimeout ?? Number.POSITIVE_INFINITY,
    sessionIdleTimeout: ({ context }) => context.timeouts.sessionIdleTimeout ?? Number.POSITIVE_INFINITY,
    maxSessionLifetime: ({ context }) => context.timeouts.maxSessionLifetime ?? Number.POSITIVE_INFINITY,
    parkAfter: ({ context }) => context.timeouts.parkAfter ?? Number.POSITIVE_INFINITY,
  },
  guards: {
    initializeIsBounded: ({ context }) => context.timeouts.initializeTimeout !== null,
    idleIsBounded: ({ context }) => context.timeouts.sessionIdleTimeout !== null,
    lifetimeIsBounded: ({ context }) => context.timeouts.maxSessionLifetime !== null,
    lastInFlight: ({ context }) => context.inFlight <= 1,
    isRestored: ({ context }) => context.restored === true,
    parkingIsBounded: ({ context }) => typeof context.timeouts.parkAfter === 'number',
    /** World: no handler runs, and no question to the client is open. */
    nothingRuns: () => true,
    mayPark: and(['parkingIsBounded', 'nothingRuns']),
  },
  actions: {
    hold: assign({ inFlight: ({ context }) => context.inFlight + 1 }),
    unhold: assign({ inFlight: ({ context }) => context.inFlight - 1 }),
    endWith: assign({ reason: (_, params: { readonly reason: EndReason }) => params.reason }),
    /** World: the session is now active. */
    announceActive: () => {},
    /** World: the session is now idle. */
    announceIdle: () => {},
    /** World: the session lives on as its record. Forget the actor first, then tear down what was there. */
    park: () => {},
    /** World: the session has ended, with its reason in the context. Forget it first, then tear it down. */
    release: () => {},
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({ ...input, inFlight: 1, reason: null }),
  initial: 'initializing',
  after: {
    maxSessionLifetime: {
      guard: 'lifetimeIsBounded',
      target: '.terminated',
      actions: { type: 'endWith', params: { reason: 'lifetime' } },
    },
  },
  on: {
    TERMINATE: {
      target: '.terminated',
      actions: { type: 'endWith', params: ({ event }) => ({ reason: event.reason }) },
    },
  },
  states: {
    initializing: {
      always: { guard: 'isRestored', target: 'restoring' },
      after: {
        initializeTimeout: {
          guard: 'initializeIsBounded',
          target: 'terminated',
          actions: { type: 'endWith', params: { reason: 'initializeTimeout' } },
        },
      },
      on: { INITIALIZED: 'active' },
    },
    restoring: {
      after: { initializeTimeout: { guard: 'initializeIsBounded', target: 'parked' } },
      on: { RESTORED: 'active', DROP: 'parked' },
    },
    active: {
      entry: 'announceActive',
      on: {
        REQUEST: { actions: 'hold' },
        RESPONSE: [{ guard: 'lastInFlight', target: 'idle', actions: 'unhold' }, { actions: 'unhold' }],
        DROP: 'parked',
      },
    },
    idle: {
      entry: 'announceIdle',
      after: {
        sessionIdleTimeout: {
          guard: 'idleIsBounded',
          target: 'terminated',
          actions: { type: 'endWith', params: { reason: 'idle' } },
        },
        parkAfter: { guard: 'mayPark', target: 'parked' },
      },
      on: { REQUEST: { target: 'active', actions: 'hold' }, PARK: 'parked' },
    },
    parked: { type: 'final', entry: 'park' },
    terminated: { type: 'final', entry: 'release' },
  },
  output: ({ context }) => ({ reason: context.reason }),
});
