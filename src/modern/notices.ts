/** What changes at a server is told here, and reaches the listen streams that want to hear of it. */
import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server';

export class Notices implements ServerEventBus {
  readonly #listeners = new Set<(event: ServerEvent) => void>();

  publish(event: ServerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
