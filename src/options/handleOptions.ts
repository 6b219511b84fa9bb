/** The options of one kind of handles: their documentation, their defaults and what they refuse. */
import { checkOptions, invalid } from '../errors.ts';
import { type Check, callable, count, duration, oneOf } from './checks.ts';
import { refuseUnknown } from './unknownOption.ts';

const END_REASONS = ['idle', 'lifetime', 'deleted', 'evicted', 'drained', 'crashed', 'initializeTimeout'] as const;

/**
 * Why a handle ended. `deleted`: somebody called `end`. `initializeTimeout`: `open` took longer than `openTimeout`.
 * `crashed`: `open` threw, or its actor failed. The others are as of sessions.
 */
export type HandleEndReason = (typeof END_REASONS)[number];

export function isHandleEndReason(reason: string): reason is HandleEndReason {
  return (END_REASONS as readonly string[]).includes(reason);
}

/** What `open` gets. */
export interface HandleOpening<I> {
  /** The handle's id. It is in nobody's hands yet. */
  readonly id: string;
  /** Whose it is; undefined for nobody in particular. */
  readonly principal: string | undefined;
  /** What `create` was given besides its context. */
  readonly input: I;
  /** Aborted when nobody waits any more: `openTimeout` is over, or the supervisor has drained. */
  readonly signal: AbortSignal;
}

/** What `close` gets besides the value. */
export interface HandleClosing {
  readonly id: string;
  readonly principal: string | undefined;
  readonly reason: HandleEndReason;
}

/** Options of `supervisor.handles`. All durations are in milliseconds. */
export interface HandleOptions<T, I = undefined> {
  /** Makes the value of one handle: starts the browser. May be async. What it throws, `create` rejects with. Required. */
  open(opening: HandleOpening<I>): T | Promise<T>;
  /**
   * Ends the value. Called exactly once for each that `open` made, also where that came too late. What it throws is
   * logged; it is not waited for beyond the supervisor's `shutdownTimeout`. Required.
   */
  close(value: T, closing: HandleClosing): unknown;
  /** How long a handle may have no use running, in ms. `Infinity`: for ever. Default 1 800 000 (30 minutes). */
  idleTimeout?: number | undefined;
  /** Ends a handle at this age, however busy, in ms. Uses that run get `shutdownTimeout` more. Default `Infinity`. */
  maxLifetime?: number | undefined;
  /** How long `open` may take, in ms. Default 60 000. */
  openTimeout?: number | undefined;
  /** How many of this kind one principal may have, those that are still being closed included. Default 32. */
  maxPerPrincipal?: number | undefined;
  /** How many of this kind there may be, those being opened included. Default 1 000. */
  maxHandles?: number | undefined;
  /** At `maxHandles`: end the longest idle handle (`'evict-idle'`, the default) or refuse (`'reject'`). */
  whenFull?: 'evict-idle' | 'reject' | undefined;
}

/** The options with every default filled in. */
export interface ResolvedHandleOptions<T = unknown, I = unknown> {
  readonly open: HandleOptions<T, I>['open'];
  readonly close: HandleOptions<T, I>['close'];
  readonly idleTimeout: number;
  readonly maxLifetime: number;
  readonly openTimeout: number;
  readonly maxPerPrincipal: number;
  readonly maxHandles: number;
  readonly whenFull: 'evict-idle' | 'reject';
}

type Specs = {
  readonly [K in keyof ResolvedHandleOptions]: {
    readonly check: Check<ResolvedHandleOptions[K]>;
    readonly default: () => ResolvedHandleOptions[K];
  };
};

const required = (name: string) => () => invalid(name, undefined, 'a function');

const SPECS: Specs = {
  open: { check: callable, default: required('open') },
  close: { check: callable, default: required('close') },
  idleTimeout: { check: duration(true), default: () => 1_800_000 },
  maxLifetime: { check: duration(true), default: () => Number.POSITIVE_INFINITY },
  openTimeout: { check: duration(false), default: () => 60_000 },
  maxPerPrincipal: { check: count(true), default: () => 32 },
  maxHandles: { check: count(false), default: () => 1_000 },
  whenFull: { check: oneOf('evict-idle', 'reject'), default: () => 'evict-idle' },
};

const NAMES = Object.keys(SPECS) as (keyof ResolvedHandleOptions)[];

/**
 * Checks the options and fills in the defaults.
 * @throws {SupervisorError} `UNKNOWN_OPTION` or `INVALID_OPTION`.
 */
export function resolveHandleOptions<T, I>(options: HandleOptions<T, I>): ResolvedHandleOptions<T, I> {
  checkOptions('The options of handles', options);
  const given = options as unknown as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) if (!Object.hasOwn(SPECS, name)) refuseUnknown(name, NAMES);
  const resolve = (name: keyof ResolvedHandleOptions): unknown =>
    given[name] === undefined ? SPECS[name].default() : SPECS[name].check(name, given[name]);
  return {
    ...(Object.fromEntries(NAMES.map((name) => [name, resolve(name)])) as unknown as ResolvedHandleOptions<T, I>),
    // Called on what they were given with, so that an instance of a class can be the options.
    open: (opening) => options.open(opening),
    close: (value, closing) => options.close(value, closing),
  };
}

/** What a kind of handles may be called: models read the name, and people see it in the page. */
const NAME = /^[A-Za-z][\w .-]{0,63}$/;

/** @throws {SupervisorError} `INVALID_OPTION` */
export function handlesName(name: unknown): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  return invalid('The name of handles', name, 'a letter and up to 63 more letters, digits, spaces or any of _ . -');
}
