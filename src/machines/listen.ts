/**
 * The life of one listen stream (MCP 2026-07-28, `subscriptions/listen`): `opening → open → closing → ended`. It is the one
 * thing without a session that outlives a request. Pure: imports xstate alone, holds JSON alone, and reaches the world
 * through its named actions.
 */
import { assign, setup } from 'xstate';

/** Why a listen stream ended. */
export type ListenEndReason =
  /** Its client closed it, or went away. */
  | 'left'
  /** Its client did not take what it was sent. */
  | 'slow'
  /** The supervisor drains. */
  | 'drained'
  /** The embedder ended it. */
  | 'terminated'
  /** The server has nothing of what it asks for. */
  | 'complete'
  /** It was never opened: its request was answered otherwise. */
  | 'refused';

/** What the machine of a listen stream is started with. */
export interface ListenInput {
  /** Names it in this process. */
  readonly streamId: string;
  /** How long a client may take to read the end of its stream, in ms. */
  readonly closeTimeout: number;
}

/** What the machine of a listen stream knows. */
export interface ListenMachineContext extends ListenInput {
  /** Why it ended, or is about to; `null` before that. */
  readonly reason: ListenEndReason | null;
}

/** What can happen to a listen stream. */
export type ListenMachineEvent =
  /** Its client was told what it listens to. */
  | { readonly type: 'ACKNOWLEDGED' }
  /** The request was answered by something else than a stream. */
  | { readonly type: 'REFUSED' }
  /** It is to end well: with a result, which tells its client that this is no broken connection. */
  | { readonly type: 'FINISH'; readonly reason: 'drained' | 'terminated' }
  /** Its result was sent, though nobody asked for its end. */
  | { readonly type: 'COMPLETED' }
  /** More waits for its client than may. */
  | { readonly type: 'OVERFLOW' }
  /** Its connection has ended. */
  | { readonly type: 'LEFT' };

/** How a listen stream ended. */
export interface ListenOutput {
  readonly reason: ListenEndReason;
}

/** The life of a listen stream of revision 2026-07-28: `opening → open → closing → ended`. */
export const listenMachine = setup({
  types: {
    context: {} as ListenMachineContext,
    input: {} as ListenInput,
    events: {} as ListenMachineEvent,
    output: {} as ListenOutput,
  },
  delays: { closeTimeout: ({ context }) => context.closeTimeout },
  guards: { isToFinish: ({ context }) => context.reason !== null },
  actions: {
    endWith: assign({ reason: (_, params: { readonly reason: ListenEndReason }) => params.reason }),
    /** World: send the result. */
    finish: () => {},
    /** World: end the connection, whatever still waits to be read. */
    cut: () => {},
    /** World: it has ended, with its reason in the context. */
    release: () => {},
  },
}).createMachine({
  id: 'listen',
  context: ({ input }) => ({ ...input, reason: null }),
  initial: 'opening',
  states: {
    opening: {
      on: {
        ACKNOWLEDGED: [{ guard: 'isToFinish', target: 'closing', actions: 'finish' }, { target: 'open' }],
        REFUSED: { target: 'ended', actions: { type: 'endWith', params: { reason: 'refused' } } },
        FINISH: { actions: { type: 'endWith', params: ({ event }) => ({ reason: event.reason }) } },
        LEFT: { target: 'ended', actions: { type: 'endWith', params: { reason: 'left' } } },
      },
    },
    open: {
      on: {
        FINISH: {
          target: 'closing',
          actions: [{ type: 'endWith', params: ({ event }) => ({ reason: event.reason }) }, 'finish'],
        },
        COMPLETED: { target: 'closing', actions: { type: 'endWith', params: { reason: 'complete' } } },
        OVERFLOW: { target: 'closing', actions: { type: 'endWith', params: { reason: 'slow' } } },
        LEFT: { target: 'ended', actions: { type: 'endWith', params: { reason: 'left' } } },
      },
    },
    closing: {
      after: { closeTimeout: { target: 'ended', actions: 'cut' } },
      on: { LEFT: 'ended' },
    },
    ended: { type: 'final', entry: 'release' },
  },
  output: ({ context }) => ({ reason: context.reason ?? 'left' }),
});
