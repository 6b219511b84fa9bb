/** Flags that do not go together, or would do nothing: whoever gave them expects something. */
import { DEFAULT_IDLE_TIMEOUT } from './defaults.ts';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import type { Flags } from './flags.ts';
import { formatDuration } from './wording.ts';

/** Flags that mean something beside another one only. */
const DEPENDENT: readonly (readonly [name: keyof Flags, flag: string, needed: keyof Flags, neededFlag: string])[] = [
  ['resumeTimeout', '--resume-timeout <duration>', 'resumable', '--resumable'],
  ['parkAfter', '--park-after <duration>', 'sessionStore', '--session-store <store>'],
  ['maxParkedSessions', '--max-parked-sessions <count>', 'sessionStore', '--session-store <store>'],
  ['restoreTimeout', '--restore-timeout <duration>', 'sessionStore', '--session-store <store>'],
  ['node', '--node <name>', 'sessionStore', '--session-store <store>'],
  ['node', '--node <name>', 'peerListen', '--peer-listen <host:port>'],
  ['node', '--node <name>', 'clusterSecretFile', '--cluster-secret-file <file>'],
  ['peerListen', '--peer-listen <host:port>', 'node', '--node <name>'],
  ['peerUrl', '--peer-url <url>', 'node', '--node <name>'],
  ['clusterSecretFile', '--cluster-secret-file <file>', 'node', '--node <name>'],
  ['adminTokenFile', '--admin-token-file <file>', 'admin', '--admin <place>'],
  ['adminAllowChanges', '--admin-allow-changes', 'admin', '--admin <place>'],
  ['adminAllowedHosts', '--admin-allowed-hosts <names>', 'admin', '--admin <place>'],
  ['adminInspector', '--admin-inspector', 'admin', '--admin <place>'],
  ['corsHeaders', '--cors-headers <names>', 'cors', '--cors <origins>'],
  ['maxRestarts', '--max-restarts <count>', 'restart', '--restart <policy>'],
  ['maxSeconds', '--max-seconds <count>', 'restart', '--restart <policy>'],
];

/** Flags that are about a command. */
const OF_A_COMMAND = ['env', 'envFile', 'inheritEnv', 'cwd', 'restart', 'warm', 'showStderr'] as const;

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** @throws {CommandFailure} over a flag that does not go with what is served: a module, or a command. */
export function refuseForeign(flags: Flags, isCommand: boolean): void {
  if (isCommand) {
    if (flags.modern === 'serve') {
      throw new CommandFailure(
        "option '--modern serve' cannot be used with a command: a process speaks one revision, and is a session's",
        EXIT_USAGE,
      );
    }
    if (!flags.stateless) return;
    throw new CommandFailure(
      "option '--stateless' cannot be used with a command: each session is a process",
      EXIT_USAGE,
    );
  }
  const foreign = OF_A_COMMAND.find((name) => flags[name] !== undefined);
  if (foreign === undefined) return;
  throw new CommandFailure(`option '${flagOf(foreign)}' has no effect without a command after --`, EXIT_USAGE);
}

/** @throws {CommandFailure} over a flag that would do nothing: whoever gave it expects something. */
export function refuseIdle(flags: Flags): void {
  for (const [name, flag, needed, neededFlag] of DEPENDENT) {
    if (flags[name] === undefined || flags[needed] !== undefined) continue;
    throw new CommandFailure(`option '${flag}' has no effect without option '${neededFlag}'`, EXIT_USAGE);
  }
  for (const name of ['maxModernRequests', 'maxModernRequestsPerPrincipal'] as const) {
    if (flags[name] === undefined || flags.modern === 'serve') continue;
    throw new CommandFailure(
      `option '${flagOf(name)} <count>' has no effect without option '--modern serve'`,
      EXIT_USAGE,
    );
  }
  for (const name of ['adminAllowChanges', 'adminInspector'] as const) {
    if (flags[name] === undefined || flags.quiet === undefined || flags.adminTokenFile !== undefined) continue;
    throw new CommandFailure(
      `option '${flagOf(name)}' needs option '--admin-token-file <file>' where --quiet has no token printed`,
      EXIT_USAGE,
    );
  }
  const { parkAfter = Number.POSITIVE_INFINITY, sessionIdleTimeout = DEFAULT_IDLE_TIMEOUT } = flags;
  if (Number.isFinite(parkAfter) && parkAfter >= sessionIdleTimeout) {
    const most = `--session-idle-timeout (${formatDuration(sessionIdleTimeout)}), which ends a session that is idle for so long`;
    throw new CommandFailure(`option '--park-after <duration>' has to be less than ${most}`, EXIT_USAGE);
  }
}
