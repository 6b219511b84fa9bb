/**
 * Who is let in, and who has to go for it, as the table of options (docs/options.md) says it. It looks at everybody, each
 * time, so that it can be read beside the table; it is what a supervisor's answers are compared with.
 */

/** The options that bound how many sessions there are. */
export interface Caps {
  readonly maxSessions: number;
  readonly whenFull: 'evict-idle' | 'reject';
  readonly maxSessionsPerPrincipal: number;
}

/** A session that there is. */
export interface Standing {
  readonly principal: string;
  readonly state: 'initializing' | 'active' | 'idle';
  /** It has sent a request after its initialize. */
  readonly used: boolean;
}

/** What becomes of an initialize, and who makes room for it. */
export interface Admission {
  /** What the initialize is answered with. */
  readonly status: 200 | 429 | 503;
  /** Whose session is ended to make room: its place in the list. */
  readonly evicted: number | undefined;
}

/** Who is let in, and who has to go for it. */
export type AdmissionRule = (sessions: readonly Standing[], principal: string, caps: Caps) => Admission;

/**
 * Whether a session of this principal is let in beside these, of which the idle ones stand in the order in which they
 * became idle. A principal that has all it may have is refused first: it makes nobody go.
 */
export const admission: AdmissionRule = (sessions, principal, caps) => {
  const held = (who: string) => sessions.filter((session) => session.principal === who).length;
  if (held(principal) >= caps.maxSessionsPerPrincipal) return { status: 429, evicted: undefined };
  if (sessions.length < caps.maxSessions) return { status: 200, evicted: undefined };
  const idle = sessions.filter(({ state }) => state === 'idle');
  if (caps.whenFull === 'reject' || idle.length === 0) return { status: 503, evicted: undefined };

  const most = Math.max(...idle.map((session) => held(session.principal)));
  const ofThoseWithTheMost = idle.filter((session) => held(session.principal) === most);
  const longestIdle = ofThoseWithTheMost.find(({ used }) => !used) ?? ofThoseWithTheMost[0];
  return { status: 200, evicted: longestIdle && sessions.indexOf(longestIdle) };
};
