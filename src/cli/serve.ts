/** Serves a source of servers over HTTP: probes it, listens, tells where, and hands back the way to stop. */
import { createSessionSupervisor } from '../index.ts';
import { toNodeHandler } from '../node.ts';
import { announce } from './announce.ts';
import { drain } from './drain.ts';
import { Endpoint } from './endpoint.ts';
import { inspect } from './inspect.ts';
import type { Journal } from './journal.ts';
import { reportLifecycle } from './lifecycle.ts';
import { probe } from './probe.ts';
import type { Flags } from './program.ts';
import type { ServerSource } from './serverSource.ts';
import {
  DEFAULT_IDLE_TIMEOUT,
  DEFAULT_SHUTDOWN_TIMEOUT,
  toSupervisorOptions,
  uncheckedHosts,
  urlHost,
} from './supervisorOptions.ts';

/** What the command tells in its own words, and more closely than the supervisor's log. */
const TOLD_BY_US: ReadonlySet<string> = new Set([
  'session.opened',
  'session.terminated',
  'supervisor.draining',
  'supervisor.stopped',
]);

export interface Serving {
  /** Drains. Resolves to whether no call was cut off. */
  stop(signal: NodeJS.Signals): Promise<boolean>;
}

/** @throws {CommandFailure} when the source builds no server, or the port can't be had. */
export async function serve(source: ServerSource, flags: Flags, journal: Journal, version: string): Promise<Serving> {
  const { host, path, stateless, sessionIdleTimeout = DEFAULT_IDLE_TIMEOUT } = flags;
  const { shutdownTimeout = DEFAULT_SHUTDOWN_TIMEOUT } = flags;
  const server = await probe(source, flags, journal, version);

  const endpoint = new Endpoint({ path, requestBodyTimeout: flags.requestBodyTimeout, log: journal.write });
  // Before the supervisor, which has to know the port: the origins of loopback name it.
  const port = await endpoint.listen(host, flags.port);
  const supervisor = createSessionSupervisor({
    ...toSupervisorOptions(flags, { host, port }),
    server: source.factory,
    logger: (entry) => {
      if (entry.level !== 'info' || !TOLD_BY_US.has(entry.event)) journal.write(entry);
    },
  });
  const tally = reportLifecycle(supervisor, journal, sessionIdleTimeout);
  const inspector = await inspect(supervisor, flags);
  endpoint.serve(toNodeHandler(supervisor));

  announce(journal, {
    version,
    url: `http://${urlHost(host)}:${port}${path}`,
    server,
    label: source.label,
    inspectorUrl: inspector?.url,
    sessionIdleTimeout: stateless ? undefined : sessionIdleTimeout,
    shutdownTimeout,
  });
  const unchecked = uncheckedHosts(flags);
  if (unchecked !== undefined) journal.write({ level: 'warn', event: 'hosts.unchecked', message: unchecked });
  return {
    stop: async (signal) => {
      const clean = await drain({ supervisor, endpoint, journal, tally, shutdownTimeout }, signal);
      await inspector?.close();
      return clean;
    },
  };
}
