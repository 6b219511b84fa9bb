/** What an option's value may be: each check returns the value, or refuses it by what was given and what is allowed. */
import { MAX_DELAY } from '../clock.ts';
import { invalid } from '../errors.ts';

export type Check<T> = (name: string, value: unknown) => T;

export const duration =
  (infinite: boolean): Check<number> =>
  (name, value) => {
    const allowed = `a positive number of milliseconds up to ${MAX_DELAY}${infinite ? ', or Infinity' : ''}`;
    if (typeof value !== 'number' || !(value > 0)) return invalid(name, value, allowed);
    if (value === Number.POSITIVE_INFINITY ? !infinite : value > MAX_DELAY) return invalid(name, value, allowed);
    return value;
  };

/** A duration that may be none at all. */
export const pause: Check<number> = (name, value) =>
  typeof value === 'number' && value >= 0 && value <= MAX_DELAY
    ? value
    : invalid(name, value, `a number of milliseconds from 0 to ${MAX_DELAY}`);

export const count =
  (infinite: boolean, most: number = Number.MAX_SAFE_INTEGER): Check<number> =>
  (name, value) => {
    if (infinite && value === Number.POSITIVE_INFINITY) return value;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= most) return value;
    const bound = most === Number.MAX_SAFE_INTEGER ? '' : ` up to ${most}`;
    return invalid(name, value, `a positive whole number${bound}${infinite ? ', or Infinity' : ''}`);
  };

export const wholeNumber: Check<number> = (name, value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : invalid(name, value, 'a whole number, 0 or more');

export const flag: Check<boolean> = (name, value) =>
  typeof value === 'boolean' ? value : invalid(name, value, 'a boolean');

export function callable<T>(name: string, value: unknown): T {
  return typeof value === 'function' ? (value as T) : invalid(name, value, 'a function');
}

export const oneOf =
  <T extends string>(...allowed: T[]): Check<T> =>
  (name, value) =>
    allowed.includes(value as T) ? (value as T) : invalid(name, value, allowed.map((a) => `'${a}'`).join(' or '));

export const strings: Check<readonly string[]> = (name, value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')
    ? value
    : invalid(name, value, 'an array of non-empty strings');

export const methods =
  <T>(...names: (keyof T & string)[]): Check<T> =>
  (name, value) => {
    const missing = names.filter((method) => typeof (value as Record<string, unknown> | null)?.[method] !== 'function');
    return missing.length === 0
      ? (value as T)
      : invalid(name, value, `an object with ${names.map((n) => `${n}()`).join(', ')}`);
  };

export const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (name, value) =>
    value === undefined ? undefined : check(name, value);
