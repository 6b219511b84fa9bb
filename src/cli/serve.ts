/** Serves a source of servers over HTTP: probes it, listens, tells where, and hands back the way to stop. */
import { createSessionSupervisor, type LogEntry } from '../index.ts';
import { toNodeHandler } from '../node.ts';
import { adminAnnouncement, administer } from './admin.ts';
import { announce } from './announce.ts';
import {
  DEFAULT_IDLE_TIMEOUT,
  DEFAULT_INITIALIZE_TIMEOUT,
  DEFAULT_MODERN,
  DEFAULT_SHUTDOWN_TIMEOUT,
} from './defaults.ts';
import { drain } from './drain.ts';
import { Endpoint } from './endpoint.ts';
import { isSupervisorError } from './failure.ts';
import type { Flags } from './flags.ts';
import { inspect } from './inspect.ts';
import type { Journal } from './journal.ts';
import { reportLifecycle } from './lifecycle.ts';
import { probe, type ServerInfo } from './probe.ts';
import { Refusals } from './refusals.ts';
import { Repeated } from './repeated.ts';
import type { ServerSource } from './serverSource.ts';
import { openStores, type Stores } from './sessionStores.ts';
import { tellStarting } from './starting.ts';
import { shortIdleTimeout, toSupervisorOptions, uncheckedHosts, urlHost } from './supervisorOptions.ts';

/** What the command tells in its own words, and more closely than the supervisor's log. */
const TOLD_BY_US: ReadonlySet<string> = new Set([
  'session.opened',
  'session.parked',
  'session.restored',
  'session.terminated',
  'supervisor.draining',
  'supervisor.leaving',
  'supervisor.stopped',
]);

/** Of refusals the endpoint sees each one, with what was asked: only what it does not understand is the library's to tell. */
function isToldByUs({ level, event, refusal }: LogEntry): boolean {
  if (event === 'option.doubtful') return true; // warned of by the flag's name
  if (event !== 'request.refused') return level === 'info' && TOLD_BY_US.has(event);
  return level === 'debug' || refusal === 'hostNotAllowed' || refusal === 'originNotAllowed';
}

/** There is no room for another process. */
function hasNoRoom({ error }: LogEntry): boolean {
  return isSupervisorError(error) && error.code === 'SPAWN_UNAVAILABLE';
}

export interface Serving {
  /** Drains, because of a signal or of who else wanted that. Resolves to whether no call was cut off. */
  stop(cause: string): Promise<boolean>;
  /** Has a drain begin that is delayed. Returns whether there was one. */
  hurry(): boolean;
}

/** What the process is asked for from within. */
export interface Wishes {
  /** Somebody wants it to drain, and to end then. */
  drain(): void;
}

/** @throws {CommandFailure} when the source builds no server, or the port or the session store can't be had. */
export async function serve(
  source: ServerSource,
  flags: Flags,
  journal: Journal,
  version: string,
  wishes: Wishes,
): Promise<Serving> {
  const { initializeTimeout = DEFAULT_INITIALIZE_TIMEOUT } = flags;
  const started = tellStarting(journal, source.label, initializeTimeout);
  const server = await probe(source, flags, journal, version).finally(started);
  // Before it listens, because nobody is answered without them. And who drains lets go of its port first: whoever waits for
  // its sessions finds that free then.
  const stores = await openStores(flags, journal);
  try {
    return await listen(source, flags, journal, { version, server, stores, wishes });
  } catch (error) {
    await stores.close();
    throw error;
  }
}

interface Prepared {
  readonly version: string;
  readonly server: ServerInfo;
  readonly stores: Stores;
  readonly wishes: Wishes;
}

async function listen(
  source: ServerSource,
  flags: Flags,
  journal: Journal,
  { version, server, stores, wishes }: Prepared,
): Promise<Serving> {
  const { host, path, stateless, sessionIdleTimeout = DEFAULT_IDLE_TIMEOUT } = flags;
  const { shutdownTimeout = DEFAULT_SHUTDOWN_TIMEOUT, drainDelay = 0 } = flags;
  const { requestBodyTimeout, httpKeepAliveTimeout } = flags;
  const endpoint = new Endpoint({ path, requestBodyTimeout, httpKeepAliveTimeout, log: journal.write });
  // Before the supervisor, which has to know port and address: they decide whom it accepts.
  const { address, port } = await endpoint.listen(host, flags.port);
  const binding = { host, address, port };
  const options = toSupervisorOptions(flags, binding, stores);
  const troubles = new Repeated(journal.write);
  const supervisor = createSessionSupervisor({
    ...options,
    maxSessions: options.maxSessions ?? source.processes?.maxSessions,
    server: source.factory,
    logger: (entry) => {
      // Every client that comes meanwhile has one of its own.
      if (hasNoRoom(entry)) troubles.tell('SPAWN_UNAVAILABLE', entry);
      else if (!isToldByUs(entry)) journal.write(entry);
    },
  });
  const tally = reportLifecycle(supervisor, journal, { sessionIdleTimeout, parkAfter: flags.parkAfter });
  const { allowedHosts } = options;
  const refusals = new Refusals({ log: journal.write, verbose: flags.verbose ?? false, allowedHosts });
  endpoint.serve(toNodeHandler(supervisor), (req, status) => refusals.tell(req, status));
  // Clients may be waiting for the server to be back: they are answered while this is loaded.
  const inspector = await inspect(supervisor, flags);
  const admin = await administer(supervisor, flags, journal, () => wishes.drain());

  announce(journal, {
    version,
    url: `http://${urlHost(host || address)}:${port}${path}`,
    server,
    label: source.label,
    inspectorUrl: inspector?.url,
    admin: adminAnnouncement(admin, flags),
    sessionIdleTimeout: stateless ? undefined : sessionIdleTimeout,
    modern: flags.modern ?? DEFAULT_MODERN,
    kept: stores.kept,
    processes: source.processes && {
      ...source.processes,
      ...(options.maxSessions && { maxSessions: options.maxSessions }),
    },
    shutdownTimeout,
    drainDelay,
  });
  const warnings = [
    ['hosts.unchecked', uncheckedHosts(flags, binding)],
    ['idleTimeout.short', shortIdleTimeout(flags)],
  ] as const;
  for (const [event, message] of warnings) {
    if (message !== undefined) journal.write({ level: 'warn', event, message });
  }
  return {
    stop: async (cause) => {
      try {
        const clean = await drain({ supervisor, endpoint, journal, tally, shutdownTimeout, drainDelay }, cause);
        await Promise.all([inspector?.close(), admin?.close()]); // which say that it lives, until then
        return clean;
      } finally {
        await stores.close();
      }
    },
    hurry: () => {
      if (supervisor.actor.getSnapshot().value !== 'accepting') return false;
      void supervisor.drain({ timeout: shutdownTimeout });
      return true;
    },
  };
}
