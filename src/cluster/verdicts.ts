/**
 * What peers say to one another about an envelope, in the header of its answer: the proof that its head was read, and what
 * has become of it, unless the answer is that of the session. Without the proof an answer is worth nothing: whoever gave it
 * has not the secret, so it can't have opened the envelope.
 */

/**
 * `moved`: the session, or the life that was meant, is not here. `busy`: it is, and can't be asked now. `refused`: nothing
 * was looked at, and another envelope may be taken. `tooLarge`: none of this size is. `terminated`, `gone`: what a
 * session that was to end did. `found`: how a session is, as JSON.
 */
export type Verdict = 'moved' | 'busy' | 'refused' | 'tooLarge' | 'terminated' | 'gone' | 'found';

const VERDICTS: readonly string[] = [
  'moved',
  'busy',
  'refused',
  'tooLarge',
  'terminated',
  'gone',
  'found',
] satisfies Verdict[];

/** The status that goes with each one, for whoever reads the wire. */
export const VERDICT_STATUS: Readonly<Record<Verdict, number>> = {
  moved: 421,
  busy: 503,
  refused: 503,
  tooLarge: 413,
  terminated: 200,
  gone: 200,
  found: 200,
};

/** What an answer says of its envelope. */
export interface Said {
  readonly verdict: Verdict | undefined;
  /** Who has the session now, if that was said. */
  readonly owner: string | undefined;
}

/** Writes it as a header. */
export function verdictText(proof: string, verdict: Verdict, owner?: string): string {
  return owner === undefined ? `${proof} ${verdict}` : `${proof} ${verdict} ${owner}`;
}

/** Reads it; undefined without the proof that was asked for. */
export function parseVerdict(header: string | undefined, proof: string): Said | undefined {
  if (header === proof) return { verdict: undefined, owner: undefined };
  const [given, said = '', owner] = header?.split(' ') ?? [];
  if (given !== proof) return undefined;
  // What a newer peer has to say, and we don't understand, is no answer of the session's.
  return { verdict: VERDICTS.includes(said) ? (said as Verdict) : 'refused', owner };
}
