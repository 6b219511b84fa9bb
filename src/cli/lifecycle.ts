/** The sessions' lifecycle as journal entries: what an operator wants to know of each step, in a few words. */
import type { SessionEvent, SessionInfo, SessionSupervisor } from '../index.ts';
import type { Journal } from './journal.ts';
import { formatDuration, printable } from './wording.ts';

/** Longer names are cut, of clients and of principals. */
const LONGEST_NAME = 60;

/** How many sessions there are in this process, and how many have left it by being parked or by ending. */
export interface SessionTally {
  readonly open: number;
  readonly parked: number;
  readonly ended: number;
}

/** What becomes of an idle session, and when; in ms. */
interface IdleTimes {
  readonly sessionIdleTimeout: number;
  readonly parkAfter?: number | undefined;
}

/**
 * Writes an entry for each lifecycle event of the supervisor's sessions.
 * @returns what tells how many sessions are open, and how many that were have been parked or have ended.
 */
export function reportLifecycle(
  supervisor: SessionSupervisor,
  journal: Journal,
  idleTimes: IdleTimes,
): () => SessionTally {
  // By id, because a session that never opened ends as well.
  const open = new Set<string>();
  let parked = 0;
  let ended = 0;
  const write = (
    { type, session, reason }: SessionEvent,
    message: string,
    more: Record<string, unknown> = {},
  ): void => {
    const { id: sessionId, state, inFlight } = session;
    const why = reason === undefined ? {} : { reason };
    journal.write({ level: 'info', event: type, message, sessionId, ...why, state, inFlight, ...more });
  };
  supervisor.on('session.opened', (event) => {
    open.add(event.session.id);
    const client = clientOf(event.session);
    write(event, `${described(client)}; ${open.size} open`, { ...client, open: open.size });
  });
  supervisor.on('session.restored', (event) => {
    open.add(event.session.id);
    const client = clientOf(event.session);
    const { epoch } = event.session;
    write(event, `${described(client)}, epoch ${epoch}; ${open.size} open`, { ...client, epoch, open: open.size });
  });
  supervisor.on('session.parked', (event) => {
    if (open.delete(event.session.id)) parked++;
    write(event, `until it is asked for; ${open.size} open`, { open: open.size });
  });
  supervisor.on('session.terminated', (event) => {
    if (open.delete(event.session.id)) ended++;
    const age = Math.max(0, Date.now() - event.session.createdAt);
    write(event, `${event.reason}, after ${formatDuration(age)}; ${open.size} open`, {
      age,
      open: open.size,
    });
  });
  // These two come with every request: who is not to hear of them does not pay for them.
  if (journal.writes('info')) {
    const whenIdle = afterwards(idleTimes);
    supervisor.on('session.active', (event) => write(event, `${event.session.inFlight} in flight`));
    supervisor.on('session.idle', (event) => write(event, whenIdle));
  }
  return () => ({ open: open.size, parked, ended });
}

/** What an idle session has before it. */
function afterwards({ sessionIdleTimeout, parkAfter = Number.POSITIVE_INFINITY }: IdleTimes): string {
  const steps = [
    ...(Number.isFinite(parkAfter) ? [`parked in ${formatDuration(parkAfter)} (once no handler runs)`] : []),
    ...(Number.isFinite(sessionIdleTimeout) ? [`ends in ${formatDuration(sessionIdleTimeout)}`] : []),
  ];
  return steps.length === 0 ? 'nothing in flight' : `${steps.join(', ')} unless used`;
}

/** Who opened a session, and for whom, as the log has it in either format: short, whatever a client says of itself. */
interface Client {
  readonly client: { readonly name: string; readonly version: string } | undefined;
  readonly protocolVersion: string | undefined;
  readonly principal: string | undefined;
}

function clientOf({ clientInfo, protocolVersion, principal }: SessionInfo): Client {
  const short = (text: string | undefined) => (text === undefined ? undefined : printable(text, LONGEST_NAME));
  const { name, version } = clientInfo ?? {};
  return {
    client: clientInfo && { name: short(name) ?? '', version: short(version) ?? '' },
    protocolVersion: short(protocolVersion),
    principal: short(principal),
  };
}

function described({ client, protocolVersion = 'unknown', principal }: Client): string {
  const who = client === undefined ? 'unknown client' : printable(`${client.name} ${client.version}`, LONGEST_NAME);
  return `${who}${principal === undefined ? '' : ` for ${principal}`}, protocol ${protocolVersion}`;
}
