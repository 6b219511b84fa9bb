/** Counts what is refused, and tells the log of it: each refusal at most once a second, with how many there were. */
import type { Clock } from '../clock.ts';
import { REFUSALS, type Refusal, type RefusalName } from '../errors.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import { printable } from '../protocol/printable.ts';
import type { Refused } from '../transport/exchange.ts';
import type { Observers } from './observers.ts';
import { oftenBefore, Repetition } from './repetition.ts';

/** What an operator has to know of: somebody is kept out, by a setting or because a bound is reached. */
const WORTH_A_WARNING: ReadonlySet<RefusalName> = new Set([
  'hostNotAllowed',
  'originNotAllowed',
  'principalFailed',
  'initializeTooLarge',
  'listenTooLarge',
  'tooManyCalls',
  'principalFull',
  'full',
  'tooManyModern',
  'modernPrincipalFull',
  'tooManyServers',
  'bodiesFull',
] satisfies RefusalName[]);

/** The options that say how much is too much. */
const BOUNDS: Readonly<Partial<Record<RefusalName, keyof ResolvedOptions>>> = {
  initializeTooLarge: 'maxInitializeSize',
  listenTooLarge: 'maxInitializeSize',
  principalFull: 'maxSessionsPerPrincipal',
  full: 'maxSessions',
  tooManyServers: 'maxSessions',
  tooManyModern: 'maxModernRequests',
  modernPrincipalFull: 'maxModernRequestsPerPrincipal',
};

export class RefusalLog {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: (entry: LogEntry) => void;
  readonly #observers: Observers | undefined;
  readonly #repetitions = new Map<RefusalName, Repetition>();

  /** `log` must not throw. */
  constructor(clock: Pick<Clock, 'now'>, log: (entry: LogEntry) => void, observers?: Observers) {
    this.#clock = clock;
    this.#log = log;
    this.#observers = observers;
  }

  /** How often each was refused, those that were; a copy. */
  get counts(): Readonly<Partial<Record<RefusalName, number>>> {
    return Object.fromEntries(Array.from(this.#repetitions, ([name, { total }]) => [name, total]));
  }

  /** Something was refused. Never throws, whatever the clock does. */
  refused(name: RefusalName, what: Refused): void {
    let repetition = this.#repetitions.get(name);
    if (repetition === undefined) {
      repetition = new Repetition(this.#clock);
      this.#repetitions.set(name, repetition);
    }
    const count = repetition.happened();
    if (count !== undefined) this.#log(entryOf(name, count, what));
    if (this.#observers?.any === true) this.#observers.tell({ type: 'request.refused', refusal: name });
  }
}

function entryOf(name: RefusalName, count: number, what: Refused): LogEntry {
  const { status, message }: Refusal = REFUSALS[name];
  return {
    level: WORTH_A_WARNING.has(name) ? 'warn' : 'debug',
    event: 'request.refused',
    refusal: name,
    status,
    count,
    message: `Refused with ${status}${oftenBefore(count)}: ${message}${hintOf(name, what)}`,
  };
}

/** What an operator would have to set, and to what. */
function hintOf(name: RefusalName, { hosts, headers }: Refused): string {
  if (name === 'hostNotAllowed') return ` (${quoted(hosts?.join(', '))} is not among allowedHosts)`;
  if (name === 'originNotAllowed') return ` (${quoted(headers?.['origin'])} is not among allowedOrigins)`;
  const option = BOUNDS[name];
  return option === undefined ? '' : ` (see the option ${option})`;
}

function quoted(text: string | string[] | undefined): string {
  return `"${printable(String(text ?? ''))}"`;
}
