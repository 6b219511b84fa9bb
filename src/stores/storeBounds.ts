/** The bounds of the memory event store: defaults, and what is refused. */
import { checkOptions, invalid, SupervisorError } from '../errors.ts';

const DEFAULTS = {
  maxEvents: 100_000,
  maxEventsPerStream: 1_000,
  maxBytes: 64 * 1024 * 1024,
  maxAge: 300_000,
};

export type StoreBounds = Readonly<typeof DEFAULTS>;

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export function checkBounds(given: object): StoreBounds {
  checkOptions('The bounds of the event store', given);
  const bounds: Record<string, number> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (name === 'clock') {
      if (typeof value?.now !== 'function') invalid(name, value, 'an object with now()');
      continue;
    }
    if (!Object.hasOwn(DEFAULTS, name)) {
      const names = Object.keys(DEFAULTS).join(', ');
      throw new SupervisorError('UNKNOWN_OPTION', `There is no bound ${name}; there are ${names} and clock`);
    }
    if (typeof value !== 'number' || !(value > 0)) {
      invalid(name, value, 'a positive number, or Infinity');
    }
    bounds[name] = value;
  }
  return bounds as StoreBounds;
}
