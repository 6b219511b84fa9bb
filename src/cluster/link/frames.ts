/**
 * What is said on a link: frames, each of them of one request among the many that are on it, and several of them in one
 * message. A frame is its kind (1 byte), the number of its request (4 bytes), how long it is (4 bytes), and its bytes.
 */

export const FRAME = {
  /** From the sender: the head of an envelope. */
  request: 1,
  /** From the sender: a piece of its content. */
  content: 2,
  /** From the owner: the rest of the content is wanted. */
  wanted: 3,
  /** From the owner: what an answer begins with, as JSON. */
  answer: 4,
  /** From the owner: a piece of its body. */
  data: 5,
  /** From the sender: so many bytes more of the body may be sent. */
  credit: 6,
  /** From either: its content or its answer is complete. */
  end: 7,
  /** From either: nothing more is sent, and nothing wanted. */
  reset: 8,
  /** From the owner, of no request: it closes, and takes nothing new that was not on its way. */
  closing: 9,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** So many bytes of a content are sent before they are wanted. */
export const UNASKED = 64 * 1024;

/** So many bytes of an answer are sent before they were taken. */
export const WINDOW = 128 * 1024;

const HEAD_SIZE = 9;

const NOTHING = new Uint8Array(0);

/** A message in the making. */
export class Message {
  #parts: Uint8Array[] = [];
  /** In bytes. */
  size = 0;

  add(kind: FrameKind, id: number, bytes: Uint8Array = NOTHING): void {
    const head = Buffer.allocUnsafe(HEAD_SIZE);
    head[0] = kind;
    head.writeUInt32BE(id, 1);
    head.writeUInt32BE(bytes.length, 5);
    this.#parts.push(head);
    if (bytes.length > 0) this.#parts.push(bytes);
    this.size += HEAD_SIZE + bytes.length;
  }

  /** The message as bytes; what is added from now on is in the next one. */
  take(): Buffer {
    const whole = Buffer.concat(this.#parts, this.size);
    this.#parts = [];
    this.size = 0;
    return whole;
  }
}

/** Hands on each frame of a message. Returns false where it ends in the middle of one. */
export function readFrames(message: Buffer, frame: (kind: number, id: number, bytes: Buffer) => void): boolean {
  let at = 0;
  while (at + HEAD_SIZE <= message.length) {
    const begin = at + HEAD_SIZE;
    const end = begin + message.readUInt32BE(at + 5);
    if (end > message.length) return false;
    frame(message[at] as number, message.readUInt32BE(at + 1), message.subarray(begin, end));
    at = end;
  }
  return at === message.length;
}

/** The bytes of a `credit`. */
export function creditOf(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(count);
  return bytes;
}
