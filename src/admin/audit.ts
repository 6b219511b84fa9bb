/**
 * Who did what: a line in the log for each change, whatever came of it, and for requests that were refused, of which one a
 * second is told. It names the session by its id, as the rest of the log does.
 */
import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { LogEntry, Logger } from '../index.ts';
import { REFUSALS, type RefusalName } from './refusals.ts';

/** How long nothing more is told of refused requests, in ms. */
const QUIET_TIME = 1_000;

/** Characters that tell tokens apart, and from which none can be found out. */
const FINGERPRINT = 8;

export type Action = 'session.end' | 'session.park' | 'supervisor.drain';

/** What came of it. */
export interface Change {
  readonly action: Action;
  readonly outcome: string;
  readonly sessionId?: string | undefined;
  readonly reason?: string | undefined;
  readonly error?: unknown;
}

export class Audit {
  readonly #logger: Logger;
  readonly #token: string;
  readonly #now: () => number;
  #toldAt = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(logger: Logger, token: string, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#now = now;
    this.#token = hash('sha256', token, 'hex').slice(0, FINGERPRINT);
  }

  changed(peer: string, { action, outcome, sessionId, reason, error }: Change): void {
    this.#tell({
      level: error === undefined ? 'info' : 'warn',
      event: 'admin.changed',
      message: `${action} by ${peer}: ${outcome}`,
      action,
      outcome,
      ...(sessionId !== undefined && { sessionId }),
      ...(reason !== undefined && { reason }),
      peer,
      token: this.#token,
      ...(error !== undefined && { error }),
    });
  }

  /** Somebody was refused who may be nobody of ours. */
  refused(req: IncomingMessage, refusal: RefusalName): void {
    const now = this.#now();
    if (now - this.#toldAt < QUIET_TIME) {
      this.#leftOut++;
      return;
    }
    const peer = peerOf(req);
    const more = this.#leftOut > 0 ? ` (and ${this.#leftOut} more before)` : '';
    const message = `Refused a request of ${peer} to the admin: ${REFUSALS[refusal].message}${more}`;
    this.#tell({ level: 'warn', event: 'admin.refused', message, refusal, peer, leftOut: this.#leftOut });
    this.#toldAt = now;
    this.#leftOut = 0;
  }

  failed(message: string, error: unknown): void {
    this.#tell({ level: 'error', event: 'admin.failed', message, error });
  }

  /** A logger that throws or rejects hurts no request. */
  #tell(entry: LogEntry): void {
    void (async () => this.#logger(entry))().catch(() => {});
  }
}

/** The other end of the connection, while there is one; of a unix socket nothing is known but that its user may open it. */
export function peerOf({ socket: { remoteAddress, remotePort } }: IncomingMessage): string {
  if (remoteAddress === undefined) return 'unix socket';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
