/**
 * Tells the operator of refused requests. One whose Host or Origin is not allowed is mostly a flag that is missing, so
 * that is told without being asked for, at most once a second for each of the two; all the others with `--verbose` only.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { LogEntry, Logger } from '../index.ts';
import { plural, printable } from './wording.ts';

/** How long nothing more is told of a kind, in ms; what was left out is counted and told then. */
const QUIET_TIME = 1_000;

/** The longest part of a request in a line, in characters: whatever is sent, the end of the line has to be seen. */
const LONGEST_PART = 120;

type Kind = 'hostNotAllowed' | 'originNotAllowed';

const KINDS: Readonly<Record<Kind, { readonly header: string; readonly flag: string }>> = {
  hostNotAllowed: { header: 'Host', flag: '--allowed-hosts lists the names that are' },
  originNotAllowed: { header: 'Origin', flag: '--allowed-origins lists the origins that are' },
};

export interface RefusalsOptions {
  readonly log: Logger;
  /** Every refused request gets a line of its own. */
  readonly verbose: boolean;
  /** Whom the supervisor accepts; `undefined`: everybody. */
  readonly allowedHosts: readonly string[] | undefined;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #notices: Readonly<Record<Kind, Notice>>;

  constructor(options: RefusalsOptions) {
    this.#options = options;
    this.#notices = {
      hostNotAllowed: new Notice('hostNotAllowed', options.log),
      originNotAllowed: new Notice('originNotAllowed', options.log),
    };
  }

  /** Tells of a request that was answered with this status. */
  tell({ method, url, headers: { host, origin } }: IncomingMessage, status: number): void {
    const kind = status === 403 ? this.#kindOf(host, origin) : undefined;
    if (!this.#options.verbose) {
      if (kind !== undefined) this.#notices[kind].tell(kind === 'hostNotAllowed' ? host : origin);
      return;
    }
    const from = origin === undefined ? '' : `, origin ${printable(origin, LONGEST_PART)}`;
    const whose = `${printable(url ?? '', LONGEST_PART)} of ${printable(host ?? 'no host', LONGEST_PART)}${from}`;
    const hint = kind === undefined ? '' : `; ${KINDS[kind].flag} accepted`;
    const message = `refused with ${status} ${STATUS_CODES[status] ?? ''}: ${method} ${whose}${hint}`;
    const refusal = kind === undefined ? {} : { refusal: kind };
    this.#options.log({
      level: 'debug',
      event: 'request.refused',
      message,
      ...refusal,
      status,
      method,
      url,
      host,
      origin,
    });
  }

  /** The command authenticates nobody, so 403 is the answer to a Host, which is looked at first, or to an Origin. */
  #kindOf(host: string | undefined, origin: string | undefined): Kind {
    return origin !== undefined && this.#accepts(host) ? 'originNotAllowed' : 'hostNotAllowed';
  }

  #accepts(host = ''): boolean {
    const { allowedHosts } = this.#options;
    const asked = host.toLowerCase();
    const name = asked.replace(/:\d*$/, '');
    if (allowedHosts === undefined) return true;
    return allowedHosts.some((allowed) => [asked, name].includes(allowed.toLowerCase()));
  }
}

/** The lines about one kind: the first at once, then one in each quiet time with the number of those it left out. */
class Notice {
  readonly #kind: Kind;
  readonly #log: Logger;
  #leftOut = 0;
  #last: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(kind: Kind, log: Logger) {
    this.#kind = kind;
    this.#log = log;
  }

  tell(value: string | undefined): void {
    this.#last = value;
    if (this.#timer !== undefined) {
      this.#leftOut++;
      return;
    }
    this.#write(1, 'refused a request');
  }

  #write(count: number, what: string): void {
    const { header, flag } = KINDS[this.#kind];
    const value = this.#last === undefined ? `no ${header}` : `${header} ${printable(this.#last, LONGEST_PART)}`;
    const entry: LogEntry = {
      level: 'warn',
      event: 'request.refused',
      message: `${what} with ${value}; ${flag} accepted`,
      refusal: this.#kind,
      count,
      [header.toLowerCase()]: this.#last,
    };
    this.#log(entry);
    this.#leftOut = 0;
    // Nothing waits for it: a process that has nothing else to do may end.
    this.#timer = setTimeout(() => this.#goOn(), QUIET_TIME).unref();
  }

  #goOn(): void {
    this.#timer = undefined;
    const count = this.#leftOut;
    if (count > 0) this.#write(count, `refused ${plural(count, 'request')} more, the last one`);
  }
}
