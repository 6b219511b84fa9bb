/**
 * A partition: the parent of a bounded number of session actors, as in Elixir's PartitionSupervisor.
 * Spawning copies a parent's children, so its cost is bounded by bounding the children. The children's ids are slots
 * that are used again: each finished child's id is an event type, and xstate remembers event types for ever. Slots are
 * small whole numbers, because V8 keeps and copies properties named so as an array.
 */
import { assertEvent, type DoneActorEvent, type ErrorActorEvent, setup, spawnChild, stopChild } from 'xstate';
import { type SessionInput, type SessionOutput, sessionMachine } from './session.ts';

/** What a partition is told. */
export type PartitionEvent =
  /** Starts a session in a free slot. */
  { readonly type: 'SPAWN'; readonly slot: string; readonly input: SessionInput };

/** What xstate tells a parent about the end of a child. */
type ChildEnded = DoneActorEvent<SessionOutput> | ErrorActorEvent;

/** The parent of up to 64 sessions and handles, so that opening one costs the same at any number of them. */
export const partitionMachine = setup({
  types: { events: {} as PartitionEvent | ChildEnded },
  actors: { session: sessionMachine },
  actions: {
    /** World: the child in this slot failed; it never reached `terminated`, so its session must be released. */
    childFailed: (_, _params: { readonly slot: string; readonly error: unknown }) => {},
    /** World: the slot may be used again. */
    slotFreed: (_, _params: { readonly slot: string }) => {},
  },
}).createMachine({
  id: 'partition',
  on: {
    SPAWN: {
      actions: spawnChild('session', {
        id: ({ event }) => event.slot,
        input: ({ event }) => {
          assertEvent(event, 'SPAWN'); // xstate types this event as any of the machine's
          return event.input;
        },
      }),
    },
    // A finished child stays among the children until it is stopped.
    'xstate.done.actor.*': {
      actions: [
        stopChild(({ event }) => event.actorId),
        { type: 'slotFreed', params: ({ event }) => ({ slot: event.actorId }) },
      ],
    },
    // Without this transition one child's error would stop its siblings and the process.
    'xstate.error.actor.*': {
      actions: [
        stopChild(({ event }) => event.actorId),
        { type: 'childFailed', params: ({ event }) => ({ slot: event.actorId, error: event.error }) },
        { type: 'slotFreed', params: ({ event }) => ({ slot: event.actorId }) },
      ],
    },
  },
});
