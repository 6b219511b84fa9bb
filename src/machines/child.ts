/**
 * The life of a child: the process, or one process after the other, that serves one session. `starting → ready`, and when
 * it is to end `stopping → terminating → killing → gone`, of which most need the first step alone. A process that ends by
 * itself leaves the child in `terminating`, until nobody of its group is left; then it is `gone`, or `restarting` where
 * the policy asks for that, in OTP's terms. Pure: imports xstate alone, holds JSON alone, and reaches the world through
 * its named actions, which `childMachine.provide({ actions })` fills in.
 */
import { assign, setup } from 'xstate';

/** Which ends are followed by another start: none, those that were failures, all that nobody asked for. */
export type RestartPolicy = 'temporary' | 'transient' | 'permanent';

export interface ChildInput {
  /** The session that it serves. */
  readonly sessionId: string | null;
  readonly restart: RestartPolicy;
  /** More restarts than these within `maxSeconds` are none: then it stays down. */
  readonly maxRestarts: number;
  readonly maxSeconds: number;
  /** How long an end may take, from the closing of stdin to the last member of its group, in ms. */
  readonly stopTimeout: number;
}

/** How a process ended: one of the two is null. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ChildMachineContext extends ChildInput {
  /** The number of its present process, or of the last one. */
  readonly generation: number;
  readonly pid: number | null;
  /** How its last process ended. */
  readonly exit: ChildExit | null;
  /** What that said last on stderr, where it did not end as it should: some lines, 4 kB at most. */
  readonly lastWords: string | null;
  /** It served its session once: what never did is not started again. */
  readonly wasReady: boolean;
  /** When it was restarted, in ms, the last `maxRestarts` times at most. */
  readonly restarts: readonly number[];
  /** Restarts since it was last up for a while; the next one waits the longer for it. */
  readonly attempts: number;
  /** It is started again when nobody of its group is left. */
  readonly willRestart: boolean;
  /** The policy asked for a restart that would have been one too many. */
  readonly gaveUp: boolean;
}

export type ChildMachineEvent =
  /** Its process runs. */
  | { readonly type: 'STARTED'; readonly pid: number }
  /** Its process could not be started. `at` is when, in ms. */
  | { readonly type: 'FAILED'; readonly at: number }
  /** It has answered the initialize, and all that it was told again. */
  | { readonly type: 'READY' }
  /** Its process has exited, at this time, in ms. */
  | ({ readonly type: 'EXITED'; readonly at: number; readonly lastWords?: string | undefined } & ChildExit)
  /** It lives, but nothing can be said to it or heard of it any more, at this time: it is ended as one that failed. */
  | { readonly type: 'BROKEN'; readonly at: number }
  /** No living member of its group is left. */
  | { readonly type: 'EMPTIED' }
  /** It is to end. */
  | { readonly type: 'STOP' };

export interface ChildOutput {
  readonly exit: ChildExit | null;
  readonly gaveUp: boolean;
}

/** How long a process may take to end once its stdin is closed, and how long after SIGKILL it is waited for, in ms. */
const STDIN_GRACE = 2_000;
const KILL_GRACE = 1_000;

/** What of `stopTimeout` these may take at most: where it is short, all three steps are. */
const MOST = 1 / 4;

/** How long a restart waits, in ms: the first, the second, and so on; all others as long as the last. */
const BACKOFF = [0, 1_000, 2_000, 4_000] as const;

/** A child that was up for so long, in ms, has its restarts forgotten as far as the next one's delay goes. */
const STEADY_AFTER = 30_000;

const stdinGrace = (stopTimeout: number) => Math.min(STDIN_GRACE, stopTimeout * MOST);
const killGrace = (stopTimeout: number) => Math.min(KILL_GRACE, stopTimeout * MOST);

/** Whether the policy wants a process started again that ended so; one that could not be started is a failure. */
function asksForRestart({ restart, wasReady }: ChildMachineContext, event: ChildMachineEvent): boolean {
  if (!wasReady || restart === 'temporary') return false;
  return restart === 'permanent' || event.type !== 'EXITED' || event.signal !== null || event.code !== 0;
}

/** The restarts that count at a time: those within the window that ends then. */
function restartsWithin({ restarts, maxSeconds }: ChildMachineContext, event: ChildMachineEvent): readonly number[] {
  const since = 'at' in event ? event.at - maxSeconds * 1_000 : Number.POSITIVE_INFINITY;
  return restarts.filter((at) => at > since);
}

/** What ends it while it starts and while it is ready. */
const WHILE_IT_RUNS = {
  EXITED: [
    { guard: 'mayRestart', target: 'terminating', actions: ['noteExit', 'planRestart'] },
    { guard: 'asksForRestart', target: 'terminating', actions: ['noteExit', 'giveUp'] },
    { target: 'terminating', actions: 'noteExit' },
  ],
  BROKEN: [
    { guard: 'mayRestart', target: 'terminating', actions: 'planRestart' },
    { guard: 'asksForRestart', target: 'terminating', actions: 'giveUp' },
    { target: 'terminating' },
  ],
  STOP: 'stopping',
} as const;

export const childMachine = setup({
  types: {
    context: {} as ChildMachineContext,
    input: {} as ChildInput,
    events: {} as ChildMachineEvent,
    output: {} as ChildOutput,
  },
  delays: {
    stdinGrace: ({ context }) => stdinGrace(context.stopTimeout),
    termGrace: ({ context: { stopTimeout } }) => stopTimeout - stdinGrace(stopTimeout) - killGrace(stopTimeout),
    killGrace: ({ context }) => killGrace(context.stopTimeout),
    backoff: ({ context }) => BACKOFF[Math.min(context.attempts, BACKOFF.length) - 1] ?? 0,
    steady: () => STEADY_AFTER,
  },
  guards: {
    mayRestart: ({ context, event }) =>
      asksForRestart(context, event) && restartsWithin(context, event).length < context.maxRestarts,
    asksForRestart: ({ context, event }) => asksForRestart(context, event),
    willRestart: ({ context }) => context.willRestart,
  },
  actions: {
    noteStarted: assign({ pid: ({ context, event }) => (event.type === 'STARTED' ? event.pid : context.pid) }),
    noteReady: assign({ wasReady: true }),
    noteExit: assign({
      exit: ({ context, event }) =>
        event.type === 'EXITED' ? { code: event.code, signal: event.signal } : context.exit,
      lastWords: ({ context, event }) => (event.type === 'EXITED' ? event.lastWords || null : context.lastWords),
    }),
    planRestart: assign({
      willRestart: true,
      attempts: ({ context }) => context.attempts + 1,
      restarts: ({ context, event }) => [...restartsWithin(context, event), 'at' in event ? event.at : 0],
    }),
    dropRestart: assign({ willRestart: false }),
    giveUp: assign({ gaveUp: true }),
    forgetAttempts: assign({ attempts: 0 }),
    nextGeneration: assign({
      generation: ({ context }) => context.generation + 1,
      pid: null,
      willRestart: false,
    }),
    /** World: start its process, and say `STARTED` or `FAILED`. */
    start: () => {},
    /** World: close its stdin; one that is still being started is abandoned, which is a `FAILED`. */
    closeStdin: () => {},
    /** World: SIGTERM to its group. */
    terminate: () => {},
    /** World: SIGKILL to its group. */
    kill: () => {},
    /** World: it is over. */
    end: () => {},
  },
}).createMachine({
  id: 'child',
  context: ({ input }) => ({
    ...input,
    generation: 1,
    pid: null,
    exit: null,
    lastWords: null,
    wasReady: false,
    restarts: [],
    attempts: 0,
    willRestart: false,
    gaveUp: false,
  }),
  initial: 'starting',
  states: {
    starting: {
      entry: 'start',
      on: {
        STARTED: { actions: 'noteStarted' },
        READY: { target: 'ready', actions: 'noteReady' },
        FAILED: [
          { guard: 'mayRestart', target: 'restarting', actions: 'planRestart' },
          { guard: 'asksForRestart', target: 'gone', actions: 'giveUp' },
          { target: 'gone' },
        ],
        ...WHILE_IT_RUNS,
      },
    },
    ready: {
      after: { steady: { actions: 'forgetAttempts' } },
      on: {
        ...WHILE_IT_RUNS,
      },
    },
    restarting: {
      after: { backoff: { target: 'starting', actions: 'nextGeneration' } },
      on: { STOP: 'gone' },
    },
    stopping: {
      entry: 'closeStdin',
      after: { stdinGrace: 'terminating' },
      on: {
        // It was started in the moment in which it was to end.
        STARTED: { actions: ['noteStarted', 'closeStdin'] },
        FAILED: 'gone',
        EXITED: { actions: 'noteExit' },
        EMPTIED: 'gone',
      },
    },
    terminating: {
      entry: 'terminate',
      after: { termGrace: 'killing' },
      on: {
        STARTED: { actions: ['noteStarted', 'terminate'] },
        FAILED: 'gone',
        EXITED: { actions: 'noteExit' },
        EMPTIED: [{ guard: 'willRestart', target: 'restarting' }, { target: 'gone' }],
        STOP: { actions: 'dropRestart' },
      },
    },
    killing: {
      entry: 'kill',
      after: { killGrace: [{ guard: 'willRestart', target: 'restarting' }, { target: 'gone' }] },
      on: {
        STARTED: { actions: ['noteStarted', 'kill'] },
        FAILED: 'gone',
        EXITED: { actions: 'noteExit' },
        EMPTIED: [{ guard: 'willRestart', target: 'restarting' }, { target: 'gone' }],
        STOP: { actions: 'dropRestart' },
      },
    },
    gone: { type: 'final', entry: 'end' },
  },
  output: ({ context }) => ({ exit: context.exit, gaveUp: context.gaveUp }),
});
