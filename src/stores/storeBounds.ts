/** The bounds of the memory event store: defaults, and what is refused. */
import { SupervisorError } from '../errors.ts';

const DEFAULTS = {
  maxEvents: 100_000,
  maxEventsPerStream: 1_000,
  maxBytes: 64 * 1024 * 1024,
  maxAge: 300_000,
};

export type StoreBounds = Readonly<typeof DEFAULTS>;

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export function checkBounds(given: object): StoreBounds {
  const bounds: Record<string, number> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (name === 'clock' || value === undefined) continue;
    if (!Object.hasOwn(DEFAULTS, name)) {
      const names = Object.keys(DEFAULTS).join(', ');
      throw new SupervisorError('UNKNOWN_OPTION', `There is no bound ${name}; there are ${names} and clock`);
    }
    if (typeof value !== 'number' || !(value > 0)) {
      throw new SupervisorError(
        'INVALID_OPTION',
        `${name} must be a positive number, or Infinity; got ${String(value)}`,
      );
    }
    bounds[name] = value;
  }
  return bounds as StoreBounds;
}
