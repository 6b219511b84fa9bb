/**
 * Counts what is refused, and tells the log of it: each refusal at most once a second, with how many there were since
 * its last line. It needs no timers: what is left over is told with the next one. A flood costs a count, not a line.
 */
import type { Clock } from '../clock.ts';
import { REFUSALS, type Refusal, type RefusalName } from '../errors.ts';
import type { LogEntry } from '../options.ts';
import { printable } from '../protocol/printable.ts';
import type { Refused } from '../transport/exchange.ts';

/** How long one refusal is not told again, in ms. */
const INTERVAL = 1_000;

/** What an operator has to know of: somebody is kept out, by a setting or because a bound is reached. */
const WORTH_A_WARNING: ReadonlySet<RefusalName> = new Set([
  'hostNotAllowed',
  'originNotAllowed',
  'principalFailed',
  'initializeTooLarge',
  'tooManyCalls',
  'principalFull',
  'full',
  'tooManyServers',
  'bodiesFull',
] satisfies RefusalName[]);

interface Tally {
  total: number;
  untold: number;
  toldAt: number;
}

export class RefusalLog {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: (entry: LogEntry) => void;
  readonly #tallies = new Map<RefusalName, Tally>();

  /** `log` must not throw. */
  constructor(clock: Pick<Clock, 'now'>, log: (entry: LogEntry) => void) {
    this.#clock = clock;
    this.#log = log;
  }

  /** How often each was refused, those that were; a copy. */
  get counts(): Readonly<Partial<Record<RefusalName, number>>> {
    return Object.fromEntries(Array.from(this.#tallies, ([name, { total }]) => [name, total]));
  }

  /** Something was refused. Never throws, whatever the clock does. */
  refused(name: RefusalName, what: Refused): void {
    let tally = this.#tallies.get(name);
    if (tally === undefined) {
      tally = { total: 0, untold: 0, toldAt: Number.NEGATIVE_INFINITY };
      this.#tallies.set(name, tally);
    }
    tally.total++;
    tally.untold++;
    const now = this.#now();
    // A clock that was set back would else be silent until it is where it was.
    if (now === undefined || (now >= tally.toldAt && now - tally.toldAt < INTERVAL)) return;
    const count = tally.untold;
    tally.untold = 0;
    tally.toldAt = now;
    this.#log(entryOf(name, count, what));
  }

  #now(): number | undefined {
    try {
      return this.#clock.now();
    } catch {
      return undefined;
    }
  }
}

function entryOf(name: RefusalName, count: number, what: Refused): LogEntry {
  const { status, message }: Refusal = REFUSALS[name];
  const often = count === 1 ? '' : `, ${count} times since the last line`;
  return {
    level: WORTH_A_WARNING.has(name) ? 'warn' : 'debug',
    event: 'request.refused',
    refusal: name,
    status,
    count,
    message: `Refused with ${status}${often}: ${message}${hintOf(name, what)}`,
  };
}

/** What an operator would have to set, and to what. */
function hintOf(name: RefusalName, { hosts, headers }: Refused): string {
  if (name === 'hostNotAllowed') return ` (${quoted(hosts?.join(', '))} is not among allowedHosts)`;
  if (name === 'originNotAllowed') return ` (${quoted(headers?.['origin'])} is not among allowedOrigins)`;
  if (name === 'initializeTooLarge') return ' (see the option maxInitializeSize)';
  if (name === 'principalFull') return ' (see the option maxSessionsPerPrincipal)';
  return name === 'full' || name === 'tooManyServers' ? ' (see the option maxSessions)' : '';
}

function quoted(text: string | string[] | undefined): string {
  return `"${printable(String(text ?? ''))}"`;
}
