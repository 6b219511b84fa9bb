/**
 * The connection of the stores to Redis: made on first use, and again whenever it is lost, for ever. Each command has a
 * time, counted here. Nothing waits for a connection that did not come to be when it was tried last: while Redis is away
 * a command fails at once, and one attempt after the other looks whether it is back.
 */
import type { TimerClock } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import { isOfWrongServer, isReply, late, storeFailure } from './failure.ts';
import type { Link } from './link.ts';

/** How long a command may take, the connection on first use included, in ms; a connection that is tried likewise. */
export const COMMAND_TIMEOUT = 2_000;

/** How long `close` waits for what has been sent, in ms. */
export const CLOSE_TIMEOUT = 900;

/** Commands in a row that were not answered in time: then the connection is given up. */
const MAX_UNANSWERED = 3;

/** Commands that wait for an answer; one more fails at once. */
export const MAX_PENDING = 10_000;

/** From one attempt to connect to the next, in ms: at first, and at most; half as long and half as long again by chance. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1_000;

export interface ConnectionParts {
  /** Hosts and ports, for messages. */
  readonly where: string;
  /** Connects; `lost` is called when the connection is lost after that, and `stop` gives it up before. */
  open(lost: (error: unknown) => void, stop: AbortSignal): Promise<Link>;
  /** A connection is there. */
  opened(link: Link): Promise<void>;
  readonly timers: TimerClock;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** A command whose outcome nobody knows: it was sent, and not answered. */
export class Unanswered extends SupervisorError {
  constructor(cause: SupervisorError) {
    super('STORE_FAILED', cause.message, { cause: cause.cause ?? cause });
  }
}

export class Connection {
  readonly #parts: ConnectionParts;
  #link: Link | undefined;
  #connecting: Promise<void> | undefined;
  #stop = new AbortController();
  #timer: unknown;
  /** Attempts to connect that failed in a row, and why the last one did. */
  #failures = 0;
  #failure: SupervisorError | undefined;
  /** Commands in a row that were not answered in time. */
  #unanswered = 0;
  #pending = 0;
  #closing: Promise<void> | undefined;
  #onQuiet: (() => void) | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /**
   * Sends a command to the server that has this key.
   * @throws {Unanswered} where nobody knows whether it was done.
   * @throws {SupervisorError} `STORE_FAILED` or `PACKAGE_MISSING`, also at once where Redis is known to be away;
   * `STORE_CLOSED`. An answer that is an error is thrown as the client gives it.
   */
  async send(key: string, args: readonly string[]): Promise<unknown> {
    this.checkOpen();
    if (this.#pending >= MAX_PENDING) {
      throw new SupervisorError('STORE_FAILED', `Redis at ${this.#parts.where} has ${MAX_PENDING} commands to answer`);
    }
    this.#pending++;
    try {
      return await this.#within(key, args);
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#onQuiet?.();
    }
  }

  /** @throws {SupervisorError} `STORE_CLOSED` */
  checkOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  /** Waits a little for what was sent, and lets go of Redis, whether that answers or not. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #within(key: string, args: readonly string[]): Promise<unknown> {
    const { timers, where } = this.#parts;
    return new Promise((resolve, reject) => {
      let used: Link | undefined;
      let isOver = false;
      const timer = timers.setTimeout(() => {
        isOver = true;
        const error = late(where, COMMAND_TIMEOUT);
        reject(used === undefined ? error : new Unanswered(error));
        if (used !== undefined) this.#noteUnanswered(used, error);
      }, COMMAND_TIMEOUT);
      const answered = (settle: () => void) => {
        timers.clearTimeout(timer);
        settle();
      };
      this.#ready().then(
        (link) => {
          if (isOver) return; // whoever asked was told that it was not done
          used = link;
          link.send(key, args).then(
            (answer) => {
              this.#unanswered = 0;
              answered(() => resolve(answer));
            },
            (error: unknown) => answered(() => reject(this.#failed(link, error))),
          );
        },
        (error: unknown) => answered(() => reject(error)),
      );
    });
  }

  /** What becomes of a command that the client rejected. */
  #failed(link: Link, error: unknown): unknown {
    if (isReply(error)) {
      this.#unanswered = 0;
      if (isOfWrongServer(error)) this.#lose(link, error);
      return error;
    }
    if (this.#closing !== undefined) return closed();
    if (!link.isAlive()) this.#lose(link, error);
    const failure = storeFailure(this.#parts.where, error);
    // One that the client had no connection for was never sent.
    return /offline|is closed/i.test((error as Error)?.message) ? failure : new Unanswered(failure);
  }

  #noteUnanswered(link: Link, error: SupervisorError): void {
    if (link !== this.#link || ++this.#unanswered < MAX_UNANSWERED) return;
    this.#failures++; // it may take a new connection, and not answer on that either: nobody is to wait for it
    this.#failure = error;
    this.#lose(link, error);
  }

  /** The connection, when it is there. Fails at once where the last attempt to make one failed. */
  async #ready(): Promise<Link> {
    if (this.#link !== undefined) return this.#link;
    if (this.#failures > 0 && this.#failure !== undefined) throw this.#failure;
    this.#connecting ??= this.#connect();
    await this.#connecting;
    this.checkOpen();
    if (this.#link === undefined) throw this.#failure ?? closed();
    return this.#link;
  }

  /** Tries to connect; where that fails, again after a pause. Never rejects. */
  async #connect(): Promise<void> {
    const { open, opened, timers, where } = this.#parts;
    const attempt = new AbortController();
    this.#stop = attempt;
    let link: Link | undefined;
    const timer = timers.setTimeout(() => attempt.abort(late(where, COMMAND_TIMEOUT)), COMMAND_TIMEOUT);
    try {
      link = await abortable(attempt.signal, async () => {
        const opening = await open((error) => this.#lose(link, error), attempt.signal);
        if (attempt.signal.aborted) opening.destroy();
        return opening;
      });
      await abortable(attempt.signal, () => opened(link as Link));
      if (!link.isAlive()) throw new Error('Socket closed');
      this.#link = link;
      this.#failures = 0;
      this.#unanswered = 0;
    } catch (error) {
      link?.destroy();
      this.#failures++;
      this.#failure = storeFailure(where, error);
      this.#tryLater();
    } finally {
      timers.clearTimeout(timer);
      this.#connecting = undefined;
    }
  }

  /** A connection is of no use any more. */
  #lose(link: Link | undefined, error: unknown): void {
    if (link === undefined || link !== this.#link) return;
    this.#link = undefined;
    this.#failure = storeFailure(this.#parts.where, error);
    link.destroy();
    if (this.#failures > 0) this.#tryLater();
    else this.#connecting ??= this.#connect();
  }

  #tryLater(): void {
    if (this.#closing !== undefined) return;
    const { timers, random } = this.#parts;
    const pause = Math.min(FIRST_PAUSE * 2 ** (this.#failures - 1), LONGEST_PAUSE) * (0.5 + random());
    const timer = timers.setTimeout(() => {
      if (this.#closing === undefined) this.#connecting ??= this.#connect();
    }, pause);
    this.#timer = timer;
    // Nobody waits for it, so it keeps no process alive.
    (timer as { unref?: () => void } | undefined)?.unref?.();
  }

  async #end(): Promise<void> {
    const { timers } = this.#parts;
    timers.clearTimeout(this.#timer);
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const timer = timers.setTimeout(resolve, CLOSE_TIMEOUT);
        this.#onQuiet = () => {
          timers.clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#stop.abort(closed());
    this.#link?.destroy();
    this.#link = undefined;
  }
}

/** Runs something until it is aborted; what it comes to after that is of no interest. */
function abortable<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    run()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

function closed(): SupervisorError {
  return new SupervisorError('STORE_CLOSED', 'The stores were closed');
}
