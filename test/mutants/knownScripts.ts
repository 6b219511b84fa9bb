/** Scripts that once broke an invariant, shrunk from the seeds that found them. Each passes now, and kills a mutant. */
import type { SimulationScript } from 'mcp-session-supervisor/testing';

export interface Known {
  /** Undefined for one that was written by hand. */
  readonly seed: number | undefined;
  readonly what: string;
  readonly script: SimulationScript;
  /** Commands at its end that mean something only to what was broken. Default 0. */
  readonly spare?: number;
}

const TERMINATED_IN_ACTIVE = 'a session that is terminated in a listener of session.active answers its initialize';

export const KNOWN_SCRIPTS: readonly Known[] = [
  {
    seed: undefined,
    what: 'a factory that a drain has cut short behind another answer is counted no longer than it is waited for',
    script: {
      settings: 768,
      commands: [
        [33, 1, 0, 103887408, 0],
        [27, 1, 0, 0, 0],
        [33, 1, 0, 33102097, 0],
        [11, 0, 0, 0, 0],
        [1, 0, 0, 58238967, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a spoilt request behind another answer counts until its turn',
    script: {
      settings: 768,
      commands: [
        [33, 0, 0, 0, 0],
        [27, 0, 0, 0, 0],
        [34, 0, 72, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a listen stream may be told late of what was published twice before it was open',
    script: {
      settings: 768,
      commands: [
        [31, 0, 0, 0, 0],
        [27, 0, 0, 0, 0],
        [33, 0, 0, 70801864, 0],
        [0, 0, 0, 0, 0],
        [36, 0, 0, 0, 0],
        [36, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [36, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a client that leaves as its server is built leaves no timer that would open a stream for nobody',
    script: {
      settings: 756,
      commands: [
        [33, 3, 0, 0, 78],
        [19, 3, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a request behind others hears late that its server took too long',
    script: {
      settings: 768,
      commands: [
        [33, 2, 0, 3428432, 0],
        [27, 2, 0, 0, 0],
        [33, 2, 0, 62726421, 0],
        [1, 0, 0, 38495426, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'the stream of a session that has ended waits behind another answer',
    script: {
      settings: 872,
      commands: [
        [33, 0, 0, 0, 0],
        [27, 0, 0, 0, 0],
        [12, 0, 0, 0, 0],
        [6, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a listen stream whose actor is watched by somebody who drains ends with that',
    script: {
      settings: 640,
      commands: [
        [33, 3, 0, 45824424, 0],
        [25, 0, 116, 29447020, 0],
        [0, 3, 0, 0, 0],
        [0, 3, 0, 0, 0],
        [33, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a body that a drain has cut short is read for as long as it lingers, late timers included',
    script: {
      settings: 768,
      commands: [
        [31, 0, 0, 24942728, 0],
        [11, 0, 0, 0, 0],
        [1, 0, 91, 0, 0],
        [9, 0, 1, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a listen stream behind another answer is told once of what changed twice',
    script: {
      settings: 768,
      commands: [
        [12, 0, 0, 0, 0],
        [27, 0, 0, 0, 0],
        [33, 0, 0, 91550513, 0],
        [23, 0, 0, 0, 0],
        [36, 0, 0, 1615345, 0],
        [0, 0, 0, 0, 0],
        [36, 0, 0, 22141144, 0],
        [36, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a factory that takes for ever is counted for no longer than it is waited for',
    script: {
      settings: 768,
      commands: [
        [33, 1, 0, 0, 0],
        [27, 1, 0, 0, 0],
        [33, 1, 0, 7416193, 0],
        [1, 0, 0, 68963568, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a client that leaves right before its server would be built has none built, which nobody would clean up after',
    script: {
      settings: 512,
      commands: [
        [12, 3, 0, 0, 0],
        [33, 0, 0, 0, 0],
        [33, 3, 0, 118049416, 0],
        [0, 3, 0, 0, 0],
        [0, 3, 0, 0, 101],
        [3, 3, 0, 0, 189],
        [19, 3, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a drain does not wait for a server that was built when its request had long been answered 504',
    script: {
      settings: 512,
      commands: [
        [31, 0, 0, 54680913, 0],
        [1, 0, 0, 14902887, 0],
        [0, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 1832505423,
    what: 'a listen stream is open behind another answer, and told of what changed meanwhile when that has ended',
    script: {
      settings: 768,
      commands: [
        [12, 0, 128, 0, 0],
        [14, 0, 0, 0, 0],
        [27, 0, 0, 0, 0],
        [33, 0, 0, 104479744, 0],
        [36, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 4806,
    what: TERMINATED_IN_ACTIVE,
    script: {
      settings: 21,
      commands: [
        [7, 0, 46, 0, 0],
        [12, 0, 0, 54699392, 0],
        [0, 0, 31, 0, 0],
      ],
    },
  },
  {
    seed: 101828,
    what: TERMINATED_IN_ACTIVE,
    script: {
      settings: 1,
      commands: [
        [7, 4, 1, 0, 0],
        [12, 4, 0, 114459776, 0],
        [11, 0, 0, 0, 0],
        [0, 4, 15, 0, 0],
        [1, 0, 0, 392243, 0],
      ],
    },
  },
  {
    seed: 110830,
    what: TERMINATED_IN_ACTIVE,
    script: {
      settings: 5,
      commands: [
        [7, 0, 4, 0, 0],
        [12, 0, 0, 110272896, 0],
        [11, 0, 0, 0, 0],
        [0, 0, 15, 0, 0],
        [1, 0, 0, 6847843, 0],
      ],
    },
  },
  {
    seed: 126950,
    what: TERMINATED_IN_ACTIVE,
    script: {
      settings: 5,
      commands: [
        [7, 1, 1, 0, 0],
        [12, 1, 0, 23300484, 0],
        [11, 0, 0, 0, 0],
        [0, 1, 157, 0, 0],
        [1, 0, 0, 211003, 0],
      ],
    },
  },
  {
    seed: 3002616,
    what: TERMINATED_IN_ACTIVE,
    script: {
      settings: 5,
      commands: [
        [7, 1, 67, 0, 0],
        [12, 1, 0, 8435584, 0],
        [11, 0, 0, 0, 0],
        [0, 1, 105, 0, 0],
        [1, 0, 0, 1363, 0],
      ],
    },
  },
  {
    seed: 125982,
    what: 'a resumed call that is sent away while an older connection of it is open is held once',
    script: {
      settings: 13,
      commands: [
        [12, 0, 0, 0, 0],
        [13, 0, 0, 21430284, 0],
        [18, 0, 0, 55613754, 0],
        [18, 0, 0, 52813981, 0],
        [4, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 203,
    what: 'a server that closes itself as its lifetime ends has its calls answered at once',
    script: {
      settings: 388,
      commands: [
        [12, 1, 0, 0, 0],
        [13, 1, 0, 49135176, 0],
        [25, 0, 84, 65230142, 0],
        [25, 0, 156, 3581330, 0],
        [1, 0, 71, 0, 0],
        [1, 0, 127, 0, 0],
        [13, 1, 0, 85073940, 0],
        [1, 0, 63, 0, 0],
      ],
    },
  },
  {
    seed: 2327,
    what: 'a call that is taken in while its session ends is answered',
    script: {
      settings: 0,
      commands: [
        [12, 0, 0, 0, 0],
        [13, 0, 0, 45835484, 0],
        [21, 0, 0, 0, 0],
        [25, 0, 213, 15770898, 0],
        [13, 0, 0, 0, 0],
        [13, 0, 0, 194564, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'the id of a call that was left is free, and its answer stays its own',
    script: {
      settings: 0,
      commands: [
        [12, 0, 0, 0, 0],
        [13, 0, 0, 4, 0],
        [19, 0, 0, 0, 0],
        [13, 0, 0, 12582916, 0],
        [0, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a cancellation reaches the call that has the id now',
    script: {
      settings: 0,
      commands: [
        [12, 0, 0, 0, 0],
        [13, 0, 0, 4, 0],
        [19, 0, 0, 0, 0],
        [13, 0, 0, 12582916, 0],
        [21, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a call that may be resumed waits no longer once its id is used again',
    script: {
      settings: 1,
      commands: [
        [12, 0, 0, 0, 0],
        [13, 0, 0, 4, 0],
        [19, 0, 0, 0, 0],
        [13, 0, 0, 12582912, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a drain does not wait for a call that was left, though a GET stream is open',
    script: {
      settings: 0,
      commands: [
        [12, 0, 0, 0, 0],
        [17, 0, 0, 0, 0],
        [13, 0, 0, 4, 0],
        [19, 0, 1, 0, 0],
        [11, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: undefined,
    what: 'a message that nobody takes waits for who may resume a GET stream',
    script: {
      settings: 1,
      commands: [
        [12, 0, 0, 0, 0],
        [17, 0, 0, 0, 0],
        [3, 0, 0, 0, 0],
        [19, 0, 0, 0, 0],
        [3, 0, 0, 0, 0],
        [18, 0, 0, 0, 0],
        [3, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 705261,
    what: 'a drain does not wait for a call whose client left before it was delivered',
    script: {
      settings: 0,
      commands: [
        [12, 0, 0, 0, 0],
        [17, 0, 0, 0, 0],
        [13, 0, 0, 4, 5],
        [19, 0, 1, 0, 0],
        [11, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 801748,
    what: 'an answer that waits for a store that fails is sent, though whoever is told of that ends the session',
    script: {
      settings: 21,
      commands: [
        [12, 2, 17, 122978432, 0],
        [0, 2, 0, 0, 0],
        [14, 2, 0, 0, 0],
        [25, 0, 184, 0, 0],
        [1, 0, 0, 832085, 0],
      ],
    },
  },
  {
    seed: 1001794,
    what: 'a call whose client comes back after resumeTimeout gets its time at the end of a lifetime',
    script: {
      settings: 61,
      commands: [
        [12, 0, 230, 0, 0],
        [14, 0, 0, 0, 0],
        [19, 0, 0, 0, 0],
        [9, 0, 119, 0, 0],
        [1, 0, 0, 17826287, 0],
        [18, 0, 0, 0, 0],
        [1, 0, 0, 9541598, 0],
      ],
    },
  },
  {
    seed: 2114863078,
    what: 'a call is answered whose server closes itself while the clock is read for it',
    script: {
      settings: 110,
      commands: [
        [12, 1, 0, 0, 0],
        [14, 1, 0, 23283816, 0],
        [0, 1, 0, 0, 0],
        [25, 1, 234, 98687304, 0],
        [13, 1, 0, 5014388, 0],
        [25, 0, 247, 0, 0],
        [13, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [21, 1, 0, 0, 0],
        [25, 0, 188, 47587682, 0],
        [14, 1, 0, 0, 0],
        [13, 1, 0, 0, 0],
        [12, 2, 0, 71981144, 0],
        [0, 2, 0, 0, 0],
        [12, 0, 0, 27806312, 0],
        [25, 1, 173, 69505028, 0],
        [0, 2, 0, 0, 0],
        [29, 1, 0, 0, 0],
        [12, 0, 0, 0, 0],
        [24, 0, 0, 0, 0],
        [13, 0, 0, 10123652, 0],
        [12, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 2042660818,
    what: 'whoever resumes an answer while its session is deleted is not told that this was all',
    script: {
      settings: 369,
      commands: [
        [12, 3, 0, 60602080, 0],
        [0, 3, 0, 0, 0],
        [18, 3, 0, 0, 0],
        [18, 3, 0, 0, 0],
        [0, 3, 0, 0, 0],
        [0, 3, 0, 0, 0],
        [20, 3, 0, 0, 0],
        [0, 3, 0, 0, 0],
        [0, 3, 0, 0, 0],
        [0, 3, 153, 0, 0],
        [0, 3, 0, 0, 0],
        [0, 3, 0, 0, 0],
      ],
    },
    spare: 2,
  },
  {
    seed: 10000114,
    what: 'an initialize is told of a drain that begins while its actor is made, and not of a failure',
    script: {
      settings: 128,
      commands: [
        [25, 0, 36, 80928802, 0],
        [12, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 30005988,
    what: 'what belongs to a call whose time to be resumed is over is stored, since it may be resumed all the same',
    script: {
      settings: 213,
      commands: [
        [12, 3, 0, 0, 0],
        [13, 3, 0, 103845428, 0],
        [19, 3, 0, 0, 0],
        [1, 0, 0, 36626719, 0],
        [2, 3, 0, 0, 0],
        [18, 3, 0, 0, 0],
        [2, 3, 0, 0, 0],
      ],
    },
  },
  {
    seed: 40001033,
    what: 'the server of a session whose lifetime is over, and whose calls are not, counts as one that lives',
    script: {
      settings: 284,
      commands: [
        [12, 4, 0, 0, 0],
        [13, 4, 0, 9295156, 0],
        [1, 0, 0, 10232226, 0],
        [12, 0, 0, 4282661, 0],
        [9, 0, 35, 0, 0],
        [25, 0, 148, 36991746, 0],
        [12, 0, 0, 55677187, 0],
        [9, 0, 247, 0, 0],
        [1, 0, 0, 0, 0],
        [12, 2, 0, 0, 0],
        [12, 0, 0, 10544800, 0],
        [12, 0, 0, 0, 0],
        [12, 0, 0, 0, 0],
        [12, 2, 0, 0, 0],
        [12, 0, 0, 0, 0],
      ],
    },
  },
  {
    seed: 20000267,
    what: 'what lingers behind a stream goes on while the event loop is blocked',
    script: {
      settings: 368,
      commands: [
        [12, 0, 0, 0, 0],
        [13, 0, 0, 4394656, 0],
        [12, 0, 0, 0, 0],
        [13, 0, 0, 26302948, 0],
        [27, 0, 0, 0, 0],
        [14, 0, 247, 89163816, 0],
        [0, 0, 0, 0, 0],
        [9, 0, 93, 0, 0],
      ],
    },
  },
];
