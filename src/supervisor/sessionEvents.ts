/**
 * Who listens to the sessions' lives. A listener hears of a change when it is done; one that throws, or rejects, is told of
 * and hurts nobody.
 */
import { invalid } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import { callBack } from './callback.ts';
import type { Outbox } from './outbox.ts';
import type { Session } from './session.ts';
import type { SessionEvent, SessionEventType, SessionInfo, SessionListener } from './sessionInfo.ts';

export class SessionEvents {
  readonly #listeners: Record<SessionEventType, Set<SessionListener>> = {
    'session.opened': new Set(),
    'session.active': new Set(),
    'session.idle': new Set(),
    'session.terminated': new Set(),
    'session.parked': new Set(),
    'session.restored': new Set(),
  };
  readonly #outbox: Outbox;
  readonly #onError: (type: SessionEventType, error: unknown) => void;

  constructor(outbox: Outbox, onError: (type: SessionEventType, error: unknown) => void) {
    this.#outbox = outbox;
    this.#onError = onError;
  }

  /**
   * Returns what ends the listening.
   * @throws {SupervisorError} `INVALID_OPTION` for an event that there is not, or a listener that is no function.
   */
  on(type: SessionEventType, listener: SessionListener): () => void {
    if (typeof type !== 'string' || !Object.hasOwn(this.#listeners, type)) {
      invalid('What on listens to', type, `one of ${Object.keys(this.#listeners).join(', ')}`);
    }
    if (typeof listener !== 'function') invalid('The listener of on', listener, 'a function');
    const listeners = this.#listeners[type];
    const entry: SessionListener = (event) => listener(event); // so that one listener may be added twice
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Tells of the session as it is now, once the transition is over. */
  emit(type: SessionEventType, session: Session): void {
    const listeners = this.#listeners[type];
    if (listeners.size === 0) return;
    this.#emit(listeners, type, session.info(), session.reason);
  }

  /** Tells of the end of a session that had no incarnation. */
  emitEnd(info: SessionInfo, reason: EndReason): void {
    this.#emit(this.#listeners['session.terminated'], 'session.terminated', info, reason);
  }

  #emit(
    listeners: ReadonlySet<SessionListener>,
    type: SessionEventType,
    session: SessionInfo,
    reason: EndReason | undefined,
  ): void {
    const event: SessionEvent = { type, session, ...(reason !== undefined && { reason }) };
    this.#outbox.push(() => {
      for (const listener of listeners) {
        callBack(
          () => listener(event),
          (error) => this.#onError(type, error),
        );
      }
    });
  }
}
