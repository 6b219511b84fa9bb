/** Checks of `terminate` and `drain`: that they resolve, and say what is true. */
import type { Ending, Observed } from './observed.ts';

/** How often the end of a session may take `shutdownTimeout`: for its calls, for its server, for its event store. */
const TIMES = 3;

/** What `terminate` says when it resolves. */
export function brokenWord({ clock, settings }: Observed, { said, session }: Ending): string | undefined {
  const { endedAt, endedBuilt, id, server, state } = session;
  if (state !== 'terminated') return `terminate says ${said} of ${id}, which is ${state}`;
  if (said !== true || !endedBuilt || clock.now() >= endedAt + settings.shutdownTimeout) return undefined;
  if (server.closes === 0) return `terminate says that ${id} has ended, and its server is not closed`;
  return server.closing ? `terminate says that ${id} has ended, and its server is still closing` : undefined;
}

/** Who waits longer for `terminate` or `drain` than they may take. */
export function keptWaiting(observed: Observed): string | undefined {
  const { clock, drained, draining, drainingSince, endings, sessions, settings } = observed;
  if ((clock.nextDue ?? Number.POSITIVE_INFINITY) <= clock.now()) return undefined; // the event loop is blocked
  const late = TIMES * settings.shutdownTimeout;
  for (const { said, session } of endings) {
    if (said !== undefined) continue;
    if (clock.now() > session.endedAt + late) return `terminate of ${session.id} does not resolve`;
  }
  if (!draining || drained || clock.now() <= drainingSince + 2 * late) return undefined;
  const left = [...sessions.values()].find(({ state }) => state !== 'terminated');
  return left && `${left.id} goes on ${clock.now() - drainingSince} ms into a drain`;
}
