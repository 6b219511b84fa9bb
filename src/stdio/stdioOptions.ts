/** The options of a server that is a command: documentation, defaults, refusals. */
import { checkOptions, invalid, SupervisorError } from '../errors.ts';
import type { RestartPolicy } from '../machines/child.ts';
import { type Check, count, flag, oneOf, optional, wholeNumber } from '../options/checks.ts';
import type { Logger } from '../options/logger.ts';
import type { SessionContext } from '../options/serverFactory.ts';
import { refuseUnknown } from '../options/unknownOption.ts';
import { childEnvironment } from './environment.ts';

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** Options of `stdioServer`. */
export interface StdioServerOptions {
  /** A program, by its path or by a name that is looked up in `PATH`. Never a shell's line. Required. */
  readonly command: string;
  /** Its arguments. Default none. */
  readonly args?: readonly string[] | undefined;
  /** Where it is started. Default: where this process was. */
  readonly cwd?: string | undefined;
  /**
   * Variables that it gets besides the safe ones (HOME, LOGNAME, PATH, SHELL, TERM, USER, LANG, LC_*, TZ, TMPDIR), or a
   * function of the session that returns them. Where the function returns undefined, the session gets none of its own, and
   * may have a warm process.
   */
  readonly env?:
    | Variables
    | ((session: SessionContext) => Variables | undefined | Promise<Variables | undefined>)
    | undefined;
  /** Variables that it gets as this process has them; `'all'` for every one. Default: the safe ones alone. */
  readonly inheritEnv?: readonly string[] | 'all' | undefined;
  /**
   * Whether a process that ended by itself is started again: never (`'temporary'`, the default: the session ends), when it
   * failed (`'transient'`), or always (`'permanent'`).
   */
  readonly restart?: RestartPolicy | undefined;
  /** More restarts than these within `maxSeconds` end the session. Default 3. Needs another `restart` than `'temporary'`. */
  readonly maxRestarts?: number | undefined;
  /** In seconds. Default 30. Needs another `restart` than `'temporary'`. */
  readonly maxSeconds?: number | undefined;
  /** How many processes are kept that are started and that no session has yet, 1 024 at most. Default 0. */
  readonly warm?: number | undefined;
  /** Clients are told the last lines of stderr of a process that failed; they may hold secrets and paths. Default false. */
  readonly showStderr?: boolean | undefined;
  /** Gets what belongs to no session: what was left by earlier runs, spares that fail. Default: none. */
  readonly logger?: Logger | undefined;
}

/** The options, with their defaults. */
export interface ResolvedStdioOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: NonNullable<StdioServerOptions['env']>;
  readonly inheritEnv: readonly string[] | 'all';
  readonly restart: RestartPolicy;
  readonly maxRestarts: number;
  readonly maxSeconds: number;
  readonly warm: number;
  readonly showStderr: boolean;
  readonly logger: Logger | undefined;
}

/** More spares than these are no help to anybody: as many starts as may wait. */
const MAX_WARM = 1_024;

/** What the system would take as the end of it. */
const isPlain = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');

const text: Check<string> = (name, value) =>
  isPlain(value) && value !== '' ? value : invalid(name, value, 'a text that is not empty and has no NUL');

const texts: Check<readonly string[]> = (name, value) =>
  Array.isArray(value) && value.every(isPlain) ? [...value] : invalid(name, value, 'an array of strings without NUL');

const warm: Check<number> = (name, value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_WARM
    ? value
    : invalid(name, value, `a whole number from 0 to ${MAX_WARM}`);

const inherited: Check<readonly string[] | 'all'> = (name, value) =>
  value === 'all'
    ? value
    : Array.isArray(value)
      ? texts(name, value)
      : invalid(name, value, "'all' or an array of names");

/** Not a map or a list, whose variables nobody would find. */
const isRecord = (value: unknown): value is Variables => Object.prototype.toString.call(value) === '[object Object]';

const variables: Check<ResolvedStdioOptions['env']> = (name, value) => {
  if (typeof value === 'function') return value as ResolvedStdioOptions['env'];
  if (isRecord(value)) return { ...value };
  // Not what it is: that may be a secret in the wrong place.
  return invalid(name, typeof value, 'an object of variables, or a function of the session');
};

/**
 * What a function for `env` has returned.
 * @throws {SupervisorError} `INVALID_OPTION` for what holds no variables.
 */
export function variablesOfSession(value: unknown): Variables | undefined {
  if (value === undefined || isRecord(value)) return value;
  return invalid('env(session)', typeof value, 'an object of variables, or undefined');
}

const SPECS: {
  readonly [K in keyof ResolvedStdioOptions]: {
    readonly check: Check<ResolvedStdioOptions[K]>;
    readonly default?: unknown;
  };
} = {
  command: { check: text },
  args: { check: texts, default: [] },
  cwd: { check: optional(text) },
  env: { check: variables, default: {} },
  inheritEnv: { check: inherited, default: [] },
  restart: { check: oneOf('temporary', 'transient', 'permanent'), default: 'temporary' },
  maxRestarts: { check: wholeNumber, default: 3 },
  maxSeconds: { check: count(false), default: 30 },
  warm: { check: warm, default: 0 },
  showStderr: { check: flag, default: false },
  logger: {
    check: optional((name, value) =>
      typeof value === 'function' ? (value as Logger) : invalid(name, value, 'a function'),
    ),
  },
};

/**
 * Checks the options and fills in the defaults.
 * @throws {SupervisorError} `INVALID_OPTION`, `UNKNOWN_OPTION` or `CONFLICTING_OPTIONS`; no message has a value of a
 * variable.
 */
export function resolveStdioOptions(options: StdioServerOptions): ResolvedStdioOptions {
  checkOptions('The options of stdioServer', options);
  const given = options as unknown as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) if (!Object.hasOwn(SPECS, name)) refuseUnknown(name, Object.keys(SPECS));
  const resolved = Object.fromEntries(
    Object.entries(SPECS).map(([name, spec]) => [
      name,
      spec.check(name, given[name] === undefined ? spec.default : given[name]),
    ]),
  ) as unknown as ResolvedStdioOptions;
  const { env, inheritEnv, restart } = resolved;
  const idle = restart === 'temporary' ? OF_RESTARTS.find((name) => given[name] !== undefined) : undefined;
  if (idle !== undefined) {
    const message = `${idle} has no effect while restart is 'temporary': no process is started again; give another restart, or leave ${idle} out`;
    throw new SupervisorError('CONFLICTING_OPTIONS', message);
  }
  // A name that none can have is told at once.
  childEnvironment({ env: typeof env === 'function' ? {} : env, inherit: inheritEnv }, {});
  return resolved;
}

/** What only restarts have a use for. */
const OF_RESTARTS = ['maxRestarts', 'maxSeconds'] as const;
