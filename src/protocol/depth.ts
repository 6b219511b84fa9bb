/**
 * How deep a message may nest. JSON.parse takes any depth, but what works through its result by recursion (JSON.stringify,
 * structuredClone, schema validators) overflows the stack at some thousands of levels.
 */

/** Levels of lists and objects, the message itself being the first. */
export const MAX_DEPTH = 500;

/** Whether a parsed message nests too deep. `length` is that of its text, where it is known: most are too short for it. */
export function nestsTooDeep(value: unknown, length = Number.POSITIVE_INFINITY): boolean {
  return length > 2 * MAX_DEPTH && isDeeper(value, MAX_DEPTH);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isDeeper(item, levels - 1));
  for (const name in value) if (isDeeper((value as Record<string, unknown>)[name], levels - 1)) return true;
  return false;
}
