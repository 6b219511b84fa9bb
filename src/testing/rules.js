/** What is checked from outside, and where it is written. The names are stable: reports and tests use them. */
const TRANSPORT = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/transports';
const LIFECYCLE = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle';
export const RULES = {
  initializeAnswered: {
    says: 'An initialize is answered with 200 and a result.',
    source: `${LIFECYCLE}#initialization`,
  },
  sessionIdVisible: {
    says: 'A session id is visible ASCII.',
    source: `${TRANSPORT}#session-management`,
  },
  initializeRefused: {
    says: 'An initialize whose session ends before it is answered gets an error and no session id.',
  },
  notificationAccepted: {
    says: 'A notification is accepted with 202 and no body.',
    source: `${TRANSPORT}#sending-messages-to-the-server`,
  },
  callAnswered: {
    says: 'A call is answered with exactly one response, its own.',
    source: `${TRANSPORT}#sending-messages-to-the-server`,
  },
  callKept: {
    says: 'A call in flight is not cut by the idle timeout.',
  },
  callAnsweredAtEnd: {
    says: 'A call in flight whose session ends is answered with exactly one response.',
    source: `${TRANSPORT}#sending-messages-to-the-server`,
  },
  streamOpened: {
    says: 'A GET opens an event stream.',
    source: `${TRANSPORT}#listening-for-messages-from-the-server`,
  },
  streamKept: {
    says: 'An open GET stream of a session in use is not cut by the idle timeout.',
  },
  streamClosedAtEnd: {
    says: 'The GET stream of a session ends with it.',
  },
  sessionKept: {
    says: 'A session that is used within its idle timeout lives on.',
  },
  sessionEnded: {
    says: 'A session that was not used for its idle timeout ends.',
  },
  deleteAnswered: {
    says: 'A DELETE ends the session and is answered with 2xx.',
    source: `${TRANSPORT}#session-management`,
  },
  endedIsNotFound: {
    says: 'A request with the id of an ended session is answered with 404.',
    source: `${TRANSPORT}#session-management`,
  },
  idRequired: {
    says: 'A request without a session id is answered with 400.',
    source: `${TRANSPORT}#session-management`,
  },
};
/** A rule was broken. */
export class Violation extends Error {
  name = 'Violation';
  rule;
  got;
  constructor(rule, got) {
    super(`${RULES[rule].says} Got: ${got}`);
    this.rule = rule;
    this.got = got;
  }
}
