/** What the command says when it listens. */
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import type { SessionSupervisorOptions } from '../index.ts';
import type { AdminAnnouncement } from './admin.ts';
import { MODERN } from './eras.ts';
import type { Journal } from './journal.ts';
import type { ServerInfo } from './probe.ts';
import type { KeptSessions } from './sessionStores.ts';
import { formatDuration, printable } from './wording.ts';

type Modern = NonNullable<SessionSupervisorOptions['modern']>;

export interface Announcement {
  readonly version: string;
  readonly url: string;
  readonly server: ServerInfo;
  /** The source of the server, as the command line names it. */
  readonly label: string;
  /** Where the sessions can be watched, token included; `undefined` without `--inspect`. */
  readonly inspectorUrl: string | undefined;
  /** Undefined without `--admin`. */
  readonly admin: AdminAnnouncement | undefined;
  /** In ms; `undefined` when there are no sessions. */
  readonly sessionIdleTimeout: number | undefined;
  /** What requests of 2026-07-28 get, as `--modern` says it. */
  readonly modern: Modern;
  /** Undefined where sessions end with the process, and none is ever parked. */
  readonly kept: KeptSessions | undefined;
  /** Where each session is a process: how many there may be, and how many are kept ready. */
  readonly processes: { readonly maxSessions: number; readonly warm: number } | undefined;
  /** In ms. */
  readonly shutdownTimeout: number;
  /** How long it is not ready before that, in ms. */
  readonly drainDelay: number;
}

/** A greeting for people, or one entry for machines. */
export function announce(journal: Journal, announcement: Announcement): void {
  const { version, url, server, label, inspectorUrl, admin, sessionIdleTimeout, modern, kept, processes } =
    announcement;
  const name = printable(`${server.name} ${server.version}`);
  const told = {
    url,
    server,
    sessionIdleTimeout,
    modern,
    ...(kept !== undefined && { sessions: kept }),
    ...(processes !== undefined && { processes: { ...processes, most: mostProcesses(processes) } }),
    ...(inspectorUrl !== undefined && { inspectorUrl }),
    ...(admin !== undefined && { admin }),
  };
  journal.greet(
    [
      `mcp-session-supervisor ${version}`,
      `  endpoint      ${url}`,
      `  server        ${name} (${printable(label)})`,
      `  revisions     ${revisions(modern, sessionIdleTimeout !== undefined)}`,
      ...(inspectorUrl === undefined ? [] : [`  inspector     ${inspectorUrl}`]),
      ...adminLines(admin),
      ...(kept === undefined ? [] : [`  sessions      ${keptSessions(kept)}`]),
      ...(processes === undefined ? [] : [`  processes     ${processLimits(processes)}`]),
      `  idle timeout  ${idleTimeout(sessionIdleTimeout)}`,
      `  to stop       Ctrl-C or SIGTERM: ${howItStops(announcement)}`,
      '',
    ],
    { level: 'info', event: 'server.listening', message: `${name} listens at ${url}`, ...told },
  );
}

function adminLines(admin: AdminAnnouncement | undefined): string[] {
  if (admin === undefined) return [];
  const { address, token, inspectorUrl } = admin;
  return [
    `  admin         ${printable(address)}`,
    ...(token === undefined ? [] : [`  admin token   ${token}`]),
    ...(inspectorUrl === undefined ? [] : [`  inspector     ${inspectorUrl}`]),
  ];
}

function howItStops({ shutdownTimeout, drainDelay }: Announcement): string {
  const before = drainDelay > 0 ? `not ready for ${formatDuration(drainDelay)}, then ` : '';
  return `${before}calls in flight get up to ${formatDuration(shutdownTimeout)} to finish`;
}

function revisions(modern: Modern, hasSessions: boolean): string {
  const older = `up to ${LATEST_PROTOCOL_VERSION}${hasSessions ? ', in sessions' : ''}`;
  return modern === 'serve' ? `${older}; ${MODERN}, without sessions` : older;
}

function keptSessions(kept: KeptSessions): string {
  if ('redis' in kept) return `kept in Redis at ${printable(kept.redis)}`;
  const { directory, found } = kept;
  if (directory === undefined) return 'parked ones are kept in memory, and end with this process';
  return `kept in ${printable(directory)}; found ${found === 0 ? 'none' : found}`;
}

/** How many processes there may be at a time; each may have started others. Those of sessions that end are bounded apart. */
function mostProcesses({ maxSessions, warm }: NonNullable<Announcement['processes']>): number {
  return 2 * maxSessions + warm;
}

function processLimits({ maxSessions, warm }: NonNullable<Announcement['processes']>): string {
  const most = Number.isFinite(maxSessions)
    ? `, at most ${maxSessions} (--max-sessions), and ${2 * maxSessions} with those that are ending`
    : ', without a bound (--max-sessions)';
  const ready = warm === 0 ? '' : `; ${warm} kept ready besides, which are being started now`;
  return `one for each session${most}${ready}`;
}

function idleTimeout(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return 'none: stateless, a fresh server for each request';
  if (milliseconds === Number.POSITIVE_INFINITY) return 'none: sessions stay until they are ended';
  return `${formatDuration(milliseconds)} with nothing in flight`;
}
