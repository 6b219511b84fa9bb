/** The first look at options of the inspector: that they are options, under names that there are, and of the right type. */
import { SupervisorError } from '../index.ts';

type Type = 'boolean' | 'number' | 'string' | 'function' | 'object' | 'strings';

const TOLD: Record<Type, string> = {
  boolean: 'a boolean',
  number: 'a number',
  string: 'a string',
  function: 'a function',
  object: 'an object',
  strings: 'an array of strings',
};

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export function checkTypes<T extends object>(
  taker: string,
  options: T,
  types: { readonly [K in keyof Required<T>]: Type },
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new SupervisorError('INVALID_OPTION', `The options of ${taker} must be an object; got ${typed(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      const names = Object.keys(types).join(', ');
      throw new SupervisorError('UNKNOWN_OPTION', `${taker} has no option ${name}; there are ${names}`);
    }
    const type = types[name as keyof T];
    if (value === undefined || isOf(type, value)) continue;
    throw new SupervisorError('INVALID_OPTION', `${name} must be ${TOLD[type]}; got ${typed(value)}`);
  }
}

function isOf(type: Type, value: unknown): boolean {
  if (type === 'strings') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return typeof value === type && value !== null;
}

function typed(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'an array' : `something of type ${typeof value}`;
}
