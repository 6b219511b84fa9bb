/** Takes apart what comes on an event stream (WHATWG HTML, section 9.2), as far as MCP uses it. */

/** One event; a comment is none. */
export interface SseEvent {
  readonly id: string | undefined;
  readonly data: string;
}

export class SseReader {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** The events that are complete with this chunk. */
  take(chunk: Uint8Array): SseEvent[] {
    const blocks = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    const events: SseEvent[] = [];
    for (const block of blocks) {
      let id: string | undefined;
      let data: string | undefined;
      for (const line of block.split('\n')) {
        if (line.startsWith('id:')) id = line.slice(3).trim();
        if (line.startsWith('data:')) data = (data === undefined ? '' : `${data}\n`) + line.slice(5).trim();
      }
      if (id !== undefined || data !== undefined) events.push({ id, data: data ?? '' });
    }
    return events;
  }
}
