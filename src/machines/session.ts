/**
 * The life of one MCP session: `initializing → active → idle → terminated`.
 * Pure: imports xstate alone, holds JSON alone, and reaches the world through its named actions, which
 * `sessionMachine.provide({ actions })` fills in.
 */
import { assign, setup } from 'xstate';
import type { EndReason } from './reasons.ts';

/** How long a session may stay where it is, in ms; `null` is for ever (JSON has no Infinity). */
export interface SessionTimeouts {
  readonly initializeTimeout: number | null;
  readonly sessionIdleTimeout: number | null;
  readonly maxSessionLifetime: number | null;
}

export interface SessionInput {
  readonly sessionId: string;
  readonly timeouts: SessionTimeouts;
}

export interface SessionMachineContext extends SessionInput {
  /** Exchanges that hold the session; the initialize is the first. */
  readonly inFlight: number;
  /** Why it ended; `null` while it lives. */
  readonly reason: EndReason | null;
}

export type SessionMachineEvent =
  /** The initialize was answered with a result. */
  | { readonly type: 'INITIALIZED' }
  /** An exchange begins. Refused (no transition) unless the session is `active` or `idle`. */
  | { readonly type: 'REQUEST' }
  /** An exchange has ended, however it ended. */
  | { readonly type: 'RESPONSE' }
  /** Ends the session from anywhere. */
  | { readonly type: 'TERMINATE'; readonly reason: EndReason };

export interface SessionOutput {
  readonly reason: EndReason;
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
  },
  guards: {
    initializeIsBounded: ({ context }) => context.timeouts.initializeTimeout !== null,
    idleIsBounded: ({ context }) => context.timeouts.sessionIdleTimeout !== null,
    lifetimeIsBounded: ({ context }) => context.timeouts.maxSessionLifetime !== null,
    lastInFlight: ({ context }) => context.inFlight <= 1,
  },
  actions: {
    hold: assign({ inFlight: ({ context }) => context.inFlight + 1 }),
    unhold: assign({ inFlight: ({ context }) => context.inFlight - 1 }),
    endWith: assign({ reason: (_, params: { readonly reason: EndReason }) => params.reason }),
    /** World: the session is now active. */
    announceActive: () => {},
    /** World: the session is now idle. */
    announceIdle: () => {},
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
      after: {
        initializeTimeout: {
          guard: 'initializeIsBounded',
          target: 'terminated',
          actions: { type: 'endWith', params: { reason: 'initializeTimeout' } },
        },
      },
      on: { INITIALIZED: 'active' },
    },
    active: {
      entry: 'announceActive',
      on: {
        REQUEST: { actions: 'hold' },
        RESPONSE: [{ guard: 'lastInFlight', target: 'idle', actions: 'unhold' }, { actions: 'unhold' }],
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
      },
      on: { REQUEST: { target: 'active', actions: 'hold' } },
    },
    terminated: { type: 'final', entry: 'release' },
  },
  output: ({ context }) => ({ reason: context.reason ?? 'terminated' }),
});
