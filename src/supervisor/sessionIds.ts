/** Makes session ids by the embedder's generator, and sees that they can be used. */
import { SupervisorError } from '../errors.ts';
import type { LogEntry } from '../options.ts';
import { watch } from './callback.ts';

/** The longest session id that a generator may make. */
const MAX_LENGTH = 256;

/** Visible ASCII, as the protocol asks of session ids (MCP 2025-11-25, Session Management). */
const SESSION_ID = /^[\x21-\x7E]+$/;

export class SessionIds {
  readonly #generate: () => unknown;
  readonly #inUse: (id: string) => boolean;
  readonly #log: (entry: LogEntry) => void;

  constructor(generate: () => unknown, inUse: (id: string) => boolean, log: (entry: LogEntry) => void) {
    this.#generate = generate;
    this.#inUse = inUse;
    this.#log = log;
  }

  /** A new id; undefined, which is logged, when the generator made none that can be used. */
  next(): string | undefined {
    try {
      const id = this.#generate();
      if (typeof id !== 'string' || id.length > MAX_LENGTH || !SESSION_ID.test(id)) {
        watch(id, (error) => this.#failed(error));
        throw new SupervisorError(
          'INVALID_SESSION_ID',
          `sessionIdGenerator must return 1 to ${MAX_LENGTH} visible ASCII characters`,
        );
      }
      if (this.#inUse(id)) {
        throw new SupervisorError('INVALID_SESSION_ID', 'sessionIdGenerator returned an id that is in use');
      }
      return id;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    this.#log({ level: 'error', event: 'session.idFailed', message: 'No session id could be made', error });
  }
}
