/** Who listens to the sessions' lives. A listener that throws is reported and hurts nobody. */
import type { Session } from './session.ts';
import type { SessionEvent, SessionEventType, SessionListener } from './sessionInfo.ts';

export class SessionEvents {
  readonly #listeners: Record<SessionEventType, Set<SessionListener>> = {
    'session.opened': new Set(),
    'session.active': new Set(),
    'session.idle': new Set(),
    'session.terminated': new Set(),
  };
  readonly #onError: (type: SessionEventType, error: unknown) => void;

  constructor(onError: (type: SessionEventType, error: unknown) => void) {
    this.#onError = onError;
  }

  /** Returns what ends the listening. */
  on(type: SessionEventType, listener: SessionListener): () => void {
    const listeners = this.#listeners[type];
    const entry: SessionListener = (event) => listener(event); // so that one listener may be added twice
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  emit(type: SessionEventType, session: Session): void {
    const listeners = this.#listeners[type];
    if (listeners.size === 0) return;
    const { reason } = session;
    const event: SessionEvent = { type, session: session.info(), ...(reason !== undefined && { reason }) };
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#onError(type, error);
      }
    }
  }
}
