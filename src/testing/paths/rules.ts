/** What is checked from outside, and where it is written. The names are stable: reports and tests use them. */

const TRANSPORT = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/transports';
const LIFECYCLE = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle';

/** A rule: what it says, and where the protocol does. */
export interface Rule {
  /** What has to be so, in one sentence. */
  readonly says: string;
  /** Where the protocol says so; undefined where the session model does. */
  readonly source?: string;
  /** How strongly the protocol says so; undefined where it follows from what is said there. */
  readonly force?: 'MUST' | 'SHOULD';
  /** The protocol leaves it to the server: a violation where the driver is strict, elsewhere a note. */
  readonly open?: true;
}

/** The rules that a walk of one session is judged by. */
export const RULES = {
  initializeAnswered: {
    says: 'An initialize is answered with 200 and a result.',
    source: `${LIFECYCLE}#initialization`,
    force: 'MUST',
  },
  sessionIdVisible: {
    says: 'A session id is visible ASCII.',
    source: `${TRANSPORT}#session-management`,
    force: 'MUST',
  },
  initializeRefused: {
    says: 'An initialize whose session ends before it is answered gets an error and no session id.',
  },
  notificationAccepted: {
    says: 'A notification is accepted with 202 and no body.',
    source: `${TRANSPORT}#sending-messages-to-the-server`,
    force: 'MUST',
  },
  callAnswered: {
    says: 'A call is answered with exactly one response, its own.',
    source: `${TRANSPORT}#sending-messages-to-the-server`,
  },
  callKept: {
    says: 'A call in flight is not cut by the idle timeout.',
  },
  callEndedAtEnd: {
    says: 'A call in flight whose session ends is answered at most once, and does not hang.',
    source: `${TRANSPORT}#sending-messages-to-the-server`,
    force: 'SHOULD',
  },
  callAnsweredAtEnd: {
    says: 'A call in flight whose session ends is answered with exactly one response.',
    open: true,
  },
  streamOpened: {
    says: 'A GET opens an event stream, or is answered with 405.',
    source: `${TRANSPORT}#listening-for-messages-from-the-server`,
    force: 'MUST',
  },
  streamKept: {
    says: 'An open GET stream of a session in use is not cut by the idle timeout.',
  },
  streamHolds: {
    says: 'An open GET stream alone keeps its session alive.',
    open: true,
  },
  streamClosedAtEnd: {
    says: 'The GET stream of a session ends with it.',
    open: true,
  },
  sessionKept: {
    says: 'A session that is used within its idle timeout lives on.',
  },
  sessionEnded: {
    says: 'A session that was not used for its idle timeout ends.',
  },
  deleteAnswered: {
    says: 'A DELETE ends the session and is answered with 2xx, or with 405 where clients may not end sessions.',
    source: `${TRANSPORT}#session-management`,
  },
  endedIsNotFound: {
    says: 'A request with the id of an ended session is answered with 404.',
    source: `${TRANSPORT}#session-management`,
    force: 'MUST',
  },
  unknownIsNotFound: {
    says: 'A request with an id that no session has is answered with 404: it may be that of one that has ended.',
    source: `${TRANSPORT}#session-management`,
  },
  idRequired: {
    says: 'A request without a session id is answered with 400, or served without a session.',
    source: `${TRANSPORT}#session-management`,
    force: 'SHOULD',
  },
} as const satisfies Record<string, Rule>;

/** The name of a rule of `RULES`. */
export type RuleName = keyof typeof RULES;

/** A rule was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly rule: RuleName;
  readonly got: string;

  constructor(rule: RuleName, got: string) {
    super(`${RULES[rule].says} Got: ${got}`);
    this.rule = rule;
    this.got = got;
  }
}
