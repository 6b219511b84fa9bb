/** What the supervisor model checks from outside, besides the rules of a single session. The names are stable. */
import type { Rule, RuleName } from './rules.ts';

/** The rules that a walk of several sessions is judged by, besides those of each session. */
export const SUPERVISOR_RULES = {
  admitted: {
    says: 'A session is let in where there is room, or where an idle one can make room.',
  },
  fullRefused: {
    says: 'Where there is no room for a session, its initialize is refused with 503 and Retry-After.',
  },
  principalFullRefused: {
    says: 'Where a principal has all the sessions it may have, its initialize is refused with 429 and Retry-After.',
  },
  evictedInOrder: {
    says: 'Room is made by the longest idle session of the principal that holds the most, never-used ones first.',
  },
  othersKept: {
    says: 'A session lives on as long as nothing ends it.',
  },
  idsUnique: {
    says: 'No two sessions get the same id.',
    source: 'https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management',
  },
  drainRefuses: {
    says: 'From the beginning of a drain on, what is new is refused with 503 and Retry-After.',
  },
  drainKeepsCalls: {
    says: 'A drain lets the calls in flight run on until they are answered, and is not over before.',
  },
  drainEnds: {
    says: 'A drain ends each session that has no call in flight, all of them when its time is up, and is over then.',
  },
} as const satisfies Record<string, Rule>;

/** The name of a rule of `SUPERVISOR_RULES` or `RULES`. */
export type SupervisorRuleName = RuleName | keyof typeof SUPERVISOR_RULES;

/** A rule of the supervisor model was broken. */
export class SupervisorViolation extends Error {
  override readonly name = 'SupervisorViolation';
  readonly rule: keyof typeof SUPERVISOR_RULES;
  readonly got: string;

  constructor(rule: keyof typeof SUPERVISOR_RULES, got: string) {
    super(`${SUPERVISOR_RULES[rule].says} Got: ${got}`);
    this.rule = rule;
    this.got = got;
  }
}
