/** Checks of servers: that each is closed once, and how many there are. */
import { modernServerEnd } from './modernChecks.ts';
import type { Observed, SeenSession } from './observed.ts';

export function serverEnd(observed: Observed): string | undefined {
  for (const { id, server, state } of observed.sessions.values()) {
    const { built, calls, cleanups, closes, closing, ends, starting } = server;
    const counts = `closed ${closes} times, cleaned up after ${cleanups} times`;
    if (server.closedEarly) return `The server of ${id} is closed while it is being connected`;
    if (closes > 1 || ends > 1 || cleanups > 1 || Number.isNaN(cleanups)) return `The server of ${id} is ${counts}`;
    if (state !== 'terminated' && closes + cleanups > 0) return `The server of ${id} is ${counts}, while it lives`;
    if (state !== 'terminated' || calls.size > 0) continue; // it may still be answering
    if (built && !starting && !closing && (closes === 0 || cleanups === 0)) return `The server of ${id} is ${counts}`;
    server.signal ??= server.context.signal;
    if (!server.signal.aborted) return `The signal of ${id} is not aborted`;
  }
  return modernServerEnd(observed);
}

/** For each session a server, and another one that is not used yet, or any more. */
const SERVERS_PER_SESSION = 2;

export function tooManyServers(observed: Observed): string | undefined {
  const most = SERVERS_PER_SESSION * observed.settings.maxSessions;
  const living = [...observed.sessions.values()].filter((session) => isAlive(observed, session)).length;
  return living > most ? `${living} servers are alive, more than ${most}` : undefined;
}

/** It is being built, in use, or being closed, and that not for longer than anybody waits for it. */
function isAlive({ clock, settings }: Observed, { endedAt, reason, server, state }: SeenSession): boolean {
  const times = reason === 'lifetime' ? 2 : 1; // for its calls, and for its server
  if (state === 'terminated' && clock.now() >= endedAt + times * settings.shutdownTimeout) return false;
  const { built, cleanups, closing, starting } = server;
  return starting || (built && (closing || cleanups === 0));
}
