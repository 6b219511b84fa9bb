/** The options of telemetry: documentation, defaults, refusals. */
import { SupervisorError } from '../index.ts';

/** Options of `prometheusMetrics`. */
export interface MetricOptions {
  /** How many names of tools, and how many of prompts, are told apart on metrics; others are `_OTHER`. Default 200. */
  readonly maxNames?: number | undefined;
}

const MOST_NAMES = 10_000;

const TOLD = {
  number: `a whole number from 0 to ${MOST_NAMES}`,
  boolean: 'a boolean',
  string: 'a text',
  object: 'an object',
};

export type OptionTypes<T> = { readonly [K in keyof Required<T>]: keyof typeof TOLD };

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export function checkOptions<T extends object>(taker: string, options: T, types: OptionTypes<T>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new SupervisorError('INVALID_OPTION', `The options of ${taker} must be an object`);
  }
  for (const [name, value] of Object.entries(options) as [keyof T & string, unknown][]) {
    if (!Object.hasOwn(types, name)) {
      const names = Object.keys(types).join(', ');
      throw new SupervisorError('UNKNOWN_OPTION', `${taker} has no option ${name}; there are ${names}`);
    }
    if (value === undefined || isOf(types[name], value)) continue;
    throw new SupervisorError('INVALID_OPTION', `${name} must be ${TOLD[types[name]]}`);
  }
}

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export function resolveMetricOptions(taker: string, options: MetricOptions): { readonly maxNames: number } {
  checkOptions<MetricOptions>(taker, options, { maxNames: 'number' });
  return { maxNames: options.maxNames ?? DEFAULT_NAMES };
}

export const DEFAULT_NAMES = 200;

function isOf(type: keyof typeof TOLD, value: unknown): boolean {
  if (type !== 'number') return typeof value === type && value !== null;
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST_NAMES;
}
