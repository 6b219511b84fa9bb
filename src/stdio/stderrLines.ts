/**
 * The lines of a stderr, for people: printable, of bounded length and rate, and the last of them kept, since they tell
 * why a process has ended. Everything is taken from the process, whatever is told of it, so that it is never blocked.
 */
import { stripVTControlCharacters } from 'node:util';
import type { Clock } from '../clock.ts';
import { printable } from '../protocol/printable.ts';

/** The longest line, in bytes; what is beyond it is cut off. */
export const MAX_STDERR_LINE = 16 * 1024;
/** How many lines are told in a second; more are counted. */
export const STDERR_RATE = 100;
/** How much of the end is kept, in bytes of what was written. */
export const LAST_WORDS = 4 * 1024;

const LF = 0x0a;
const SECOND = 1_000;

export class StderrLines {
  readonly #clock: Clock;
  readonly #tell: (line: string, dropped: number) => void;
  /** The beginning of a line that is not complete, within the bound, and whether there was more of it. */
  #parts: Buffer[] = [];
  #length = 0;
  #last: Buffer = Buffer.alloc(0);
  #second = Number.NEGATIVE_INFINITY;
  #told = 0;
  #dropped = 0;
  #lastDropped: Buffer | undefined;

  constructor(clock: Clock, tell: (line: string, dropped: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** The last lines, printable. */
  get lastWords(): string {
    // It may begin within a character.
    let start = 0;
    while (start < 3 && this.#last.length === LAST_WORDS && ((this.#last[start] ?? 0) & 0xc0) === 0x80) start++;
    const lines = this.#last.toString('utf8', start).split(/\r?\n/);
    const words = lines.map((line) => readable(line)).filter((line) => line.trim() !== '');
    return words.join('\n').slice(-LAST_WORDS);
  }

  push(chunk: Buffer): void {
    this.#remember(chunk);
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) break;
      this.#collect(chunk.subarray(start, end));
      this.#complete();
      start = end + 1;
    }
    this.#collect(chunk.subarray(start));
  }

  /** There is no more: what was not told yet is told of. */
  end(): void {
    if (this.#length > 0) this.#complete();
    if (this.#lastDropped === undefined) return;
    this.#tell(text(this.#lastDropped), this.#dropped - 1);
    this.#lastDropped = undefined;
    this.#dropped = 0;
  }

  #remember(chunk: Buffer): void {
    const kept = chunk.length >= LAST_WORDS ? chunk : Buffer.concat([this.#last, chunk]);
    this.#last = Buffer.from(kept.subarray(-LAST_WORDS)); // a copy, so that the chunk is let go
  }

  #collect(part: Buffer): void {
    const room = MAX_STDERR_LINE - this.#length;
    if (room <= 0 || part.length === 0) return;
    // A copy of a part of a chunk would be cheap where it is short, and many short ones are made one.
    this.#parts.push(Buffer.from(part.subarray(0, room)));
    this.#length += Math.min(room, part.length);
    if (this.#parts.length > 64) this.#parts = [Buffer.concat(this.#parts)];
  }

  #complete(): void {
    const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    if (line.length === 0) return;
    const now = this.#clock.now();
    // A clock may be set back.
    if (now - this.#second >= SECOND || now < this.#second) {
      this.#second = now;
      this.#told = 0;
    }
    if (this.#told >= STDERR_RATE) {
      this.#dropped++;
      this.#lastDropped = line;
      return;
    }
    this.#told++;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#lastDropped = undefined;
    this.#tell(text(line), dropped);
  }
}

function text(line: Buffer): string {
  return readable(line.toString('utf8').replace(/\r$/, ''));
}

/** Without colours, and with what else is no text made visible. */
function readable(line: string): string {
  return printable(stripVTControlCharacters(line), MAX_STDERR_LINE);
}
