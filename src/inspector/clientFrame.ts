/** Reads what a viewer of the feed says. */
import type { ClientFrame } from './protocol.ts';

/** The frame in a text; undefined when there is none. */
export function readClientFrame(text: string): ClientFrame | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof frame !== 'object' || frame === null) return undefined;
  const { type, key } = frame as { type?: unknown; key?: unknown };
  if (type === 'close') return { type };
  if ((type === 'open' || type === 'terminate') && typeof key === 'string') return { type, key };
  return undefined;
}
