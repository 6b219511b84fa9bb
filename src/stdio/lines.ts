/**
 * The lines of a stdout, out of chunks that are cut anywhere. Only what is new is searched, a character is decoded with
 * its whole line, and what is collected is bounded while it is collected. Not `node:readline`, which takes a bare CR and
 * U+2028 for the end of a line. Whether a line is JSON is not looked at here.
 */

/** The longest line, in bytes, its line break not counted: what the SDKs of both ends take, 10 MiB. */
export const MAX_LINE = 10 * 1024 * 1024;

const LF = 0x0a;
/** What is set aside for a line of several chunks to begin with, in bytes; doubled when it is full. */
const FIRST_ROOM = 64 * 1024;

/** Who hears of lines. */
interface LineEvents {
  /** Not blank; without line break, BOM and CR. */
  line(text: string): void;
  /** A line is longer than the limit. Nothing is told after it. */
  overflowed(limit: number): void;
}

export class Lines {
  readonly #events: LineEvents;
  readonly #limit: number;
  /** What there is of a line that is not complete. */
  #room: Buffer = Buffer.alloc(0);
  #used = 0;
  #first = true;
  #over = false;

  constructor(events: LineEvents, limit: number = MAX_LINE) {
    this.#events = events;
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (!this.#over) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) break;
      this.#complete(chunk.subarray(start, end));
      start = end + 1;
    }
    if (!this.#over && start < chunk.length) this.#collect(chunk.subarray(start));
  }

  /** There is no more: a line that was not finished is one. */
  end(): void {
    if (!this.#over && this.#used > 0) this.#complete(Buffer.alloc(0));
    this.#over = true;
  }

  #complete(rest: Buffer): void {
    if (this.#used + rest.length > this.#limit) {
      this.#overflow();
      return;
    }
    let line = rest;
    if (this.#used > 0) {
      this.#collect(rest);
      line = this.#room.subarray(0, this.#used);
    }
    const text = this.#decode(line);
    this.#room = Buffer.alloc(0);
    this.#used = 0;
    if (text !== '') this.#events.line(text);
  }

  #collect(part: Buffer): void {
    const used = this.#used + part.length;
    if (used > this.#limit) {
      this.#overflow();
      return;
    }
    if (used > this.#room.length) {
      const room = Buffer.allocUnsafe(Math.min(Math.max(FIRST_ROOM, 2 * this.#room.length, used), this.#limit));
      this.#room.copy(room, 0, 0, this.#used);
      this.#room = room;
    }
    part.copy(this.#room, this.#used);
    this.#used = used;
  }

  /** The text of a line; empty when it is blank. */
  #decode(line: Buffer): string {
    let text = line.toString('utf8');
    if (this.#first && text.startsWith('\uFEFF')) text = text.slice(1);
    this.#first = false;
    if (text.endsWith('\r')) text = text.slice(0, -1);
    return isBlank(text) ? '' : text;
  }

  #overflow(): void {
    this.#over = true;
    this.#room = Buffer.alloc(0);
    this.#used = 0;
    this.#events.overflowed(this.#limit);
  }
}

/** Nothing but JSON's blanks. Of a long line only the beginning is looked at. */
function isBlank(text: string): boolean {
  return !/[^ \t\r]/.test(text);
}
