/** Whether a server can still do what its client was told that it can (MCP 2025-11-25, Lifecycle, capabilities). */
import { isObject } from './messages.ts';

/** Every member that was told has to be there: an object with all of its own, `true` as `true`; the rest is information. */
export function covers(now: unknown, told: Readonly<Record<string, unknown>>): boolean {
  if (!isObject(now)) return false;
  return Object.entries(told).every(([name, value]) => {
    if (isObject(value)) return covers(now[name], value);
    return value !== true || now[name] === true;
  });
}
