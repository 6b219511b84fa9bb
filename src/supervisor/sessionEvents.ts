/**
 * Who listens to the lives of sessions and of handles. A listener hears of a change when it is done; one that throws, or rejects, is told of
 * and hurts nobody.
 */
import { invalid } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { HandleEndReason } from '../options.ts';
import { callBack } from './callback.ts';
import type { HandleEvent, HandleEventType, HandleInfo, HandleListener } from './handleInfo.ts';
import type { Outbox } from './outbox.ts';
import type { Session } from './session.ts';
import type { SessionEvent, SessionEventType, SessionInfo, SessionListener } from './sessionInfo.ts';

type EventType = SessionEventType | HandleEventType;
type Listener = (event: never) => void;

export class SessionEvents {
  readonly #listeners: Record<EventType, Set<Listener>> = {
    'session.opened': new Set(),
    'session.active': new Set(),
    'session.idle': new Set(),
    'session.terminated': new Set(),
    'session.parked': new Set(),
    'session.restored': new Set(),
    'handle.opened': new Set(),
    'handle.active': new Set(),
    'handle.idle': new Set(),
    'handle.terminated': new Set(),
  };
  readonly #outbox: Outbox;
  readonly #onError: (type: EventType, error: unknown) => void;

  constructor(outbox: Outbox, onError: (type: EventType, error: unknown) => void) {
    this.#outbox = outbox;
    this.#onError = onError;
  }

  /**
   * Returns what ends the listening.
   * @throws {SupervisorError} `INVALID_OPTION` for an event that there is not, or a listener that is no function.
   */
  on(type: EventType, listener: SessionListener | HandleListener): () => void {
    if (typeof type !== 'string' || !Object.hasOwn(this.#listeners, type)) {
      invalid('What on listens to', type, `one of ${Object.keys(this.#listeners).join(', ')}`);
    }
    if (typeof listener !== 'function') invalid('The listener of on', listener, 'a function');
    const listeners = this.#listeners[type];
    const entry: Listener = (event) => listener(event); // so that one listener may be added twice
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Tells of the session as it is now, once the transition is over. */
  emit(type: SessionEventType, session: Session): void {
    const listeners = this.#listeners[type];
    if (listeners.size === 0) return;
    this.#emitEvent(type, session.info(), session.reason);
  }

  /** Tells of the end of a session that had no incarnation. */
  emitEnd(info: SessionInfo, reason: EndReason): void {
    this.#emitEvent('session.terminated', info, reason);
  }

  /** Tells of a handle. */
  emitHandle(type: HandleEventType, handle: HandleInfo, reason: HandleEndReason | undefined): void {
    this.#emit({ type, handle, ...(reason !== undefined && { reason }) });
  }

  #emitEvent(type: SessionEventType, session: SessionInfo, reason: EndReason | undefined): void {
    this.#emit({ type, session, ...(reason !== undefined && { reason }) });
  }

  #emit(event: SessionEvent | HandleEvent): void {
    const { type } = event;
    const listeners = this.#listeners[type];
    if (listeners.size === 0) return;
    this.#outbox.push(() => {
      for (const listener of listeners) {
        callBack(
          () => listener(event as never),
          (error) => this.#onError(type, error),
        );
      }
    });
  }
}
