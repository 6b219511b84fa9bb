/**
 * A connection of a simulation, for Node's HTTP server: the server's end of it, and what its peer does. It goes by what a
 * TCP connection lets one know: that the peer is gone is noticed by who reads or writes, and by nobody else.
 */
import { Duplex } from 'node:stream';

/** So much is on its way to the peer, or waits for it at the server, in bytes: little, so that it comes to that. */
const HIGH_WATER_MARK = 1_024;

const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

export class SimulatedSocket extends Duplex {
  readonly #arriving: Uint8Array[] = [];
  #wanted = false;
  #taking = false;
  #gone = false;
  /** What is on its way to the peer. */
  readonly #sent: Uint8Array[] = [];
  #size = 0;
  /** There is no room for more on its way. */
  #full: ((error?: Error) => void) | undefined;
  #wake: (() => void) | undefined;

  constructor() {
    super({ writableHighWaterMark: HIGH_WATER_MARK });
    this.on('error', () => {}); // 'close' says so too
  }

  // --- what the peer does

  /** Sends bytes to the server, which gets them when it reads. */
  arrive(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#arriving.push(bytes); // a stream that is brought nothing asks for no more
    this.#flush();
  }

  /** The next chunk that the server has sent; undefined when there will be none. The server may send more then. */
  async received(): Promise<Uint8Array | undefined> {
    while (this.#sent.length === 0 && !this.destroyed && !this.writableFinished) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const chunk = this.#sent.shift();
    this.#size -= chunk?.length ?? 0;
    this.#goOn();
    return chunk;
  }

  /** Goes away. */
  leave(): void {
    this.#gone = true;
    this.#goOn(reset());
    this.#flush();
  }

  // --- what the server does

  /** Ends the connection, as Node's own sockets do: when all that was written is on its way. */
  destroySoon(): void {
    if (!this.writableEnded) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    this.#wanted = true;
    this.#flush();
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, taken: (error?: Error) => void): void {
    if (this.#gone) return taken(reset());
    if (chunk.length > 0) this.#sent.push(chunk);
    this.#size += chunk.length;
    this.#awaken();
    if (this.#size < HIGH_WATER_MARK) taken();
    else this.#full = taken;
  }

  override _final(done: () => void): void {
    done();
    queueMicrotask(() => this.#awaken());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#awaken();
    done(error);
  }

  #goOn(error?: Error): void {
    if (error === undefined && this.#size >= HIGH_WATER_MARK) return;
    const taken = this.#full;
    this.#full = undefined;
    taken?.(error);
  }

  #awaken(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The server takes in one chunk after the other: none comes while it is at another. */
  #flush(): void {
    while (this.#wanted && !this.#taking && !this.destroyed) {
      const bytes = this.#arriving.shift();
      if (bytes === undefined) {
        if (this.#gone) this.destroy(reset());
        return;
      }
      this.#wanted = false;
      this.#taking = true;
      this.push(bytes);
      this.#taking = false;
    }
  }
}
