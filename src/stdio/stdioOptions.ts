/** The options of a server that is a command: documentation, defaults, refusals. */
import { checkOptions, invalid } from '../errors.ts';
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
  /** More restarts than these within `maxSeconds` end the session. Default 3. */
  readonly maxRestarts?: number | undefined;
  /** In seconds. Default 30. */
  readonly maxSeconds?: number | undefined;
  /** How many processes are kept that are started and that no session has yet. Default 0. */
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

const text: Check<string> = (name, value) =>
  typeof value === 'string' && value !== '' ? value : invalid(name, value, 'a text that is not empty');

const texts: Check<readonly string[]> = (name, value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? [...value]
    : invalid(name, value, 'an array of strings');

const inherited: Check<readonly string[] | 'all'> = (name, value) =>
  value === 'all'
    ? value
    : Array.isArray(value)
      ? texts(name, value)
      : invalid(name, value, "'all' or an array of names");

const variables: Check<ResolvedStdioOptions['env']> = (name, value) => {
  if (typeof value === 'function') return value as ResolvedStdioOptions['env'];
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value } as Variables;
  // Not what it is: that may be a secret in the wrong place.
  return invalid(name, typeof value, 'an object of variables, or a function of the session');
};

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
  warm: { check: wholeNumber, default: 0 },
  showStderr: { check: flag, default: false },
  logger: {
    check: optional((name, value) =>
      typeof value === 'function' ? (value as Logger) : invalid(name, value, 'a function'),
    ),
  },
};

/**
 * Checks the options and fills in the defaults.
 * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`; no message has a value of a variable.
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
  const { env, inheritEnv } = resolved;
  // A name that none can have is told at once.
  childEnvironment({ env: typeof env === 'function' ? {} : env, inherit: inheritEnv }, {});
  return resolved;
}
