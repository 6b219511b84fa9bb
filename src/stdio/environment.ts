/**
 * The environment of a process that is started: by default a few variables that say who and where the user is, as both
 * SDKs pass them, and not our own, which may hold secrets. A pure function; its errors name variables, never values.
 */
import { SupervisorError } from '../errors.ts';

/** What is passed besides the safe variables. */
export interface EnvironmentOptions {
  /** Variables by value; they win over inherited ones. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Variables that are passed as we have them, where we do; or all that we have. */
  readonly inherit?: readonly string[] | 'all' | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

const SAFE = new Set(['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER', 'LANG', 'TZ', 'TMPDIR']);
const SAFE_ON_WINDOWS = new Set([
  'APPDATA',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMFILES',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'USERNAME',
  'USERPROFILE',
]);

/**
 * What a process gets of `ours`. A value that begins with `()`, which is a function that a shell exported, is passed only
 * by its name or in `env`.
 * @throws {SupervisorError} `INVALID_OPTION` for a name or a value that no variable can have.
 */
export function childEnvironment(
  { env = {}, inherit = [] }: EnvironmentOptions,
  ours: Variables,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const windows = platform === 'win32';
  /** Windows does not tell `Path` from `PATH`. */
  const key = (name: string) => (windows ? name.toUpperCase() : name);
  const wanted = inherit === 'all' ? undefined : new Set(inherit.map((name) => key(checkedName('inherit', name))));
  const passed = new Map<string, readonly [name: string, value: string]>();
  for (const [name, value] of Object.entries(ours)) {
    if (value === undefined || !isName(name)) continue;
    const named = wanted?.has(key(name));
    if (named || (!value.startsWith('()') && (wanted === undefined || isSafe(key(name), windows)))) {
      passed.set(key(name), [name, value]);
    }
  }
  for (const [name, value] of Object.entries(env)) {
    checkedName('env', name);
    if (typeof value !== 'string' || value.includes('\0')) {
      throw new SupervisorError('INVALID_OPTION', `env: the value of ${name} must be a string without NUL`);
    }
    passed.set(key(name), [name, value]);
  }
  return Object.fromEntries(passed.values());
}

function isSafe(name: string, windows: boolean): boolean {
  return windows ? SAFE_ON_WINDOWS.has(name) : SAFE.has(name) || name.startsWith('LC_');
}

function checkedName(option: string, name: string): string {
  if (typeof name === 'string' && isName(name)) return name;
  // What stands behind a `=` may be a value that was given in the wrong place.
  const shown = JSON.stringify(String(name).replace(/=.*$/s, '=…'));
  throw new SupervisorError('INVALID_OPTION', `${option}: ${shown} is no name of a variable (empty, or with = or NUL)`);
}

function isName(name: string): boolean {
  return name !== '' && !/[=\0]/.test(name);
}
