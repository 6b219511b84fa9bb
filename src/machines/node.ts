/**
 * The life of a node in its cluster: `joining → member`, and when its lease may have run out `fenced`, from where it joins
 * anew, as another life. A life that is over never goes on. Pure: imports xstate alone, holds JSON alone, and reaches the
 * world through its named actions.
 */
import { assign, setup } from 'xstate';

/** How long a node waits for what, in ms. */
export interface NodeTimes {
  /** From one renewal of the lease to the next. */
  readonly renewEvery: number;
  /** Until a node without a life asks for one again. */
  readonly retryAfter: number;
  /** How long the directory may take to hear that a life has ended. */
  readonly leaveTimeout: number;
}

export interface NodeInput extends NodeTimes {
  /** The name of the node. */
  readonly node: string;
}

export interface NodeMachineContext extends NodeInput {
  /** How long the lease was certain to go on when it was renewed last, in ms. */
  readonly lease: number;
}

/** What can happen to a node of a cluster. */
export type NodeMachineEvent =
  /** A life has begun, whose lease goes on for so many ms. */
  | { readonly type: 'JOINED'; readonly lease: number }
  /** Another life goes on under the name of this node. */
  | { readonly type: 'TAKEN' }
  /** The lease goes on for so many ms from now. */
  | { readonly type: 'RENEWED'; readonly lease: number }
  /** The directory does not say whether a life has begun. */
  | { readonly type: 'UNKNOWN' }
  /** The directory says that the life is over. */
  | { readonly type: 'GONE' }
  /** Somebody looked at the time before the timer did: the lease is not certain any more. */
  | { readonly type: 'LAPSED' }
  /** Nothing lives here any more: the life is to end. */
  | { readonly type: 'LEAVE' }
  /** The directory has heard that the life is over. */
  | { readonly type: 'LEFT' };

/** The life of a node: it joins, is a member by a lease, fences itself where that is not certain, and leaves. */
export const nodeMachine = setup({
  types: {
    context: {} as NodeMachineContext,
    input: {} as NodeInput,
    events: {} as NodeMachineEvent,
  },
  delays: {
    renewEvery: ({ context }) => context.renewEvery,
    retryAfter: ({ context }) => context.retryAfter,
    leaveTimeout: ({ context }) => context.leaveTimeout,
    lease: ({ context }) => context.lease,
  },
  actions: {
    keepLease: assign({ lease: (_, params: { readonly lease: number }) => params.lease }),
    /** World: ask the directory for a life. */
    join: () => {},
    /** World: the node can take requests. */
    begin: () => {},
    /** World: another process has the name. */
    noteTaken: () => {},
    /** World: ask the directory to let the life go on, until it has said something. */
    renew: () => {},
    /** World: nothing is done under the old life from now on; drop what it had. */
    fence: () => {},
    /** World: tell the directory that the life is over. */
    leave: () => {},
    /** World: the node is in the cluster no more. */
    end: () => {},
  },
}).createMachine({
  id: 'node',
  context: ({ input }) => ({ ...input, lease: 0 }),
  initial: 'joining',
  states: {
    joining: {
      entry: 'join',
      on: {
        JOINED: {
          target: 'member',
          actions: [{ type: 'keepLease', params: ({ event }) => ({ lease: event.lease }) }, 'begin'],
        },
        TAKEN: { target: 'waiting', actions: 'noteTaken' },
        UNKNOWN: 'waiting',
        LEAVE: 'leaving',
      },
    },
    waiting: {
      after: { retryAfter: 'joining' },
      on: { LEAVE: 'left' },
    },
    member: {
      after: { renewEvery: { actions: 'renew' }, lease: 'fenced' },
      on: {
        RENEWED: {
          target: 'member',
          reenter: true,
          actions: { type: 'keepLease', params: ({ event }) => ({ lease: event.lease }) },
        },
        GONE: 'fenced',
        LAPSED: 'fenced',
        LEAVE: 'leaving',
      },
    },
    fenced: {
      entry: 'fence',
      on: { LEFT: 'joining', LEAVE: 'left' },
      // Where the directory does not hear of it, the lease runs out by itself.
      after: { leaveTimeout: 'joining' },
    },
    leaving: {
      entry: 'leave',
      on: { LEFT: 'left' },
      after: { leaveTimeout: 'left' },
    },
    left: { type: 'final', entry: 'end' },
  },
});
