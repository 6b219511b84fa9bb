/**
 * The supervisor: `accepting → draining → stopped`, the root of the actor tree. Its children are partitions, and their
 * children are the sessions. Pure: what a drain does to the sessions is provided from outside.
 */
import { assign, type ErrorActorEvent, setup, spawnChild } from 'xstate';
import { partitionMachine } from './partition.ts';

/** What the machine of a supervisor is started with. */
export interface SupervisorInput {
  /** How long a drain waits for calls in flight, in ms, unless `DRAIN` says otherwise; `null` is for ever. */
  readonly shutdownTimeout: number | null;
}

/** What the machine of a supervisor is told. */
export type SupervisorEvent =
  /** Adds a partition with this id. */
  | { readonly type: 'GROW'; readonly id: string }
  /** Stops accepting sessions and lets the calls in flight finish, for `timeout` ms at most; `null` is for ever. */
  | { readonly type: 'DRAIN'; readonly timeout?: number | null | undefined }
  /** Nothing is left. */
  | { readonly type: 'DRAINED' };

/** The root of all actors: `accepting → draining → stopped`. It survives whatever its children fail of. */
export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorInput,
    input: {} as SupervisorInput,
    events: {} as SupervisorEvent | ErrorActorEvent,
  },
  actors: { partition: partitionMachine },
  // As in the session machine: Infinity is never scheduled, and the guard holds where it would fire at once.
  delays: { shutdownTimeout: ({ context }) => context.shutdownTimeout ?? Number.POSITIVE_INFINITY },
  guards: { drainIsBounded: ({ context }) => context.shutdownTimeout !== null },
  actions: {
    /** World: end every session that has no call in flight; each other one when its last call ends. */
    endIdleSessions: () => {},
    /** World: the time is up; end every session. */
    endAllSessions: () => {},
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => input,
  initial: 'accepting',
  // A partition never fails by itself; should it, the others go on.
  on: { 'xstate.error.actor.*': {} },
  states: {
    accepting: {
      on: {
        GROW: { actions: spawnChild('partition', { id: ({ event }) => event.id }) },
        DRAIN: {
          target: 'draining',
          actions: assign({
            shutdownTimeout: ({ context, event }) =>
              event.timeout === undefined ? context.shutdownTimeout : event.timeout,
          }),
        },
      },
    },
    draining: {
      entry: 'endIdleSessions',
      after: { shutdownTimeout: { guard: 'drainIsBounded', actions: 'endAllSessions' } },
      on: { DRAINED: 'stopped' },
    },
    stopped: { type: 'final' },
  },
});
