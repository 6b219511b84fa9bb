/** Which sessions a viewer of Stately's inspector is shown. */

import { fraction } from '../door/pseudonym.ts';
import type { SessionState } from '../index.ts';
import type { InspectedSession } from './inspectedActor.ts';
import { STATES } from './machineEdges.ts';

export interface Selection {
  /** Those sessions alone, by key or by id; all where there are none. */
  readonly sessions: readonly string[];
  /** Those that are in one of these states; all where there are none. */
  readonly states: readonly SessionState[];
  /** The share of sessions that is shown, from 0 to 1. The same sessions, however often one looks. */
  readonly sample: number;
}

/** The selection in a URL's query: `session` and `state`, as often as it takes, and `sample`. Undefined if it is none. */
export function readSelection(query: URLSearchParams): Selection | undefined {
  const states = query.getAll('state');
  const sample = Number(query.get('sample') ?? 1);
  if (!states.every((state): state is SessionState => (STATES as readonly string[]).includes(state))) return undefined;
  return isShare(sample) ? { sessions: query.getAll('session'), states: states as SessionState[], sample } : undefined;
}

export function selects(
  { sessions, states, sample }: Selection,
  { id, key, state }: InspectedSession & { readonly key: string },
): boolean {
  if (sessions.length > 0 && !sessions.includes(key) && !sessions.includes(id)) return false;
  if (states.length > 0 && !states.includes(state)) return false;
  return sample >= 1 || fraction(key) < sample;
}

/** More than nothing, and no more than all. */
export function isShare(sample: number): boolean {
  return sample > 0 && sample <= 1;
}
