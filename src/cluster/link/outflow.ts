/** What is to be sent of one content or one answer: it waits for its turn among the others, and until it may be sent. */
import { FRAME, type FrameKind, type Message } from './frames.ts';

export class Outflow {
  /** Bytes that wait. */
  queued = 0;
  /** Bytes that were sent. */
  progress = 0;
  readonly #kind: FrameKind;
  readonly #id: number;
  #chunks: Uint8Array[] = [];
  /** So many bytes may be sent. */
  #credit: number;
  #ended = false;
  #over = false;
  /** Called after something was sent. */
  readonly #moved: (() => void) | undefined;

  constructor(kind: FrameKind, id: number, credit: number, moved?: () => void) {
    this.#kind = kind;
    this.#id = id;
    this.#credit = credit;
    this.#moved = moved;
  }

  /** All was sent, and that it was all. */
  get over(): boolean {
    return this.#over;
  }

  /** Something can be sent now. */
  get ready(): boolean {
    return this.queued > 0 ? this.#credit > 0 : this.#ended && !this.#over;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.queued += bytes.length;
  }

  /** Nothing is added any more. */
  end(): void {
    this.#ended = true;
  }

  grant(bytes: number): void {
    this.#credit += bytes;
  }

  /** Nothing more is sent. */
  stop(): void {
    this.#chunks = [];
    this.queued = 0;
    this.#over = true;
  }

  /** Moves up to so many bytes into a message. */
  moveTo(message: Message, most: number): void {
    let left = Math.min(most, this.#credit);
    while (left > 0 && this.queued > 0) left -= this.#move(message, left);
    if (this.#ended && this.queued === 0 && !this.#over) {
      message.add(FRAME.end, this.#id);
      this.#over = true;
    }
    this.#moved?.();
  }

  #move(message: Message, most: number): number {
    const first = this.#chunks[0] as Uint8Array;
    const piece = first.length <= most ? first : first.subarray(0, most);
    if (piece === first) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(most);
    this.queued -= piece.length;
    this.#credit -= piece.length;
    this.progress += piece.length;
    message.add(this.#kind, this.#id, piece);
    return piece.length;
  }
}
