/** Why a session ended. Every ending carries exactly one of these. */
export const END_REASONS = [
  /** Nothing was in flight for `sessionIdleTimeout`. */
  'idle',
  /** The client sent DELETE. */
  'deleted',
  /** It made room for another session at `maxSessions`. */
  'evicted',
  /** It reached `maxSessionLifetime`. */
  'lifetime',
  /** Its initialize was not answered within `initializeTimeout`. */
  'initializeTimeout',
  /** Its server, its factory or its actor failed. */
  'crashed',
  /** The supervisor drained. */
  'drained',
  /** The embedder called `terminate(id)`. */
  'terminated',
  /** Its server closed itself, refused the initialize, or the client left before the initialize was answered. */
  'closed',
  /** Its record could not be brought back to life. */
  'unrestorable',
] as const;

/** Why a session ended. */
export type EndReason = (typeof END_REASONS)[number];
