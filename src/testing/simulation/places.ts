/** The places of a simulation: wherever a supervisor calls its embedder's code. */
export const PLACES = [
  'a listener of session.opened',
  'a listener of session.active',
  'a listener of session.idle',
  'a listener of session.terminated',
  'the logger',
  'the principal option',
  'the id generator',
  'the factory',
  'connect',
  'onmessage',
  'close',
  'cleanup',
  'the store',
  'clock.now',
  'clock.setTimeout',
  'clock.clearTimeout',
  'the inspect option',
  'an observer of the system',
  'an observer of the root',
  'an observer of a session’s actor',
] as const;
export type Place = (typeof PLACES)[number];

/** Those that are called often, and in the midst of a transition, in which no session can take a request. */
export const MIDST: readonly Place[] = PLACES.slice(PLACES.indexOf('clock.now'));
