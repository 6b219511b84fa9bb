/** A bare TCP connection that speaks HTTP by hand: for what no HTTP client would send. */
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type WaitOptions, withTimeout } from './until.ts';

export interface RawResponse {
  readonly status: number;
  /** By lower-case name; of repeated ones the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class RawSocket {
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly socket: Socket;
  #buffer: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    const changed = () => {
      const wake = this.#wake;
      this.#wake = [];
      for (const resolve of wake) resolve();
    };
    socket.on('data', (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      changed();
    });
    socket.on('end', () => {
      this.#ended = true;
      changed();
    });
    // A reset is told by `closed`, and by a response that stays incomplete.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        changed();
        resolve();
      });
    });
  }

  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Sends the head of a request, with what every request of MCP's clients carries. */
  begin(method: string, headers: Readonly<Record<string, string>> = {}): void {
    const typed = method === 'POST' ? { 'content-type': 'application/json' } : {};
    const fields = { host: 'localhost', accept: 'application/json, text/event-stream', ...typed, ...headers };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.write(`${method} /mcp HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  /** What has come and not been read as a response. */
  get received(): string {
    return this.#buffer.toString('latin1');
  }

  /** Reads one response, its body by `Content-Length`, chunks or the connection's end. */
  async readResponse(options: WaitOptions = {}): Promise<RawResponse> {
    return withTimeout(this.#readResponse(), { what: 'a response on the raw socket', ...options });
  }

  /** Reads only the head of a response; what follows stays in `received`. */
  async readHead(options: WaitOptions = {}): Promise<Omit<RawResponse, 'body'>> {
    return withTimeout(this.#readHead(), { what: 'the head of a response on the raw socket', ...options });
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Cuts the connection with a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #readHead(): Promise<Omit<RawResponse, 'body'>> {
    const [statusLine = '', ...lines] = (await this.#takeUntil('\r\n\r\n')).split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(statusLine.split(' ')[1]), headers };
  }

  async #readResponse(): Promise<RawResponse> {
    const head = await this.#readHead();
    return { ...head, body: await this.#readBody(head) };
  }

  async #readBody({ status, headers }: Omit<RawResponse, 'body'>): Promise<string> {
    if (status < 200 || status === 204 || status === 304) return '';
    if (headers['content-length'] !== undefined) {
      return (await this.#take(Number(headers['content-length']))).toString('utf8');
    }
    if (headers['transfer-encoding'] === 'chunked') {
      const chunks: Buffer[] = [];
      for (;;) {
        const size = Number.parseInt(await this.#takeUntil('\r\n'), 16);
        const chunk = await this.#take(size);
        await this.#takeUntil('\r\n');
        if (size === 0) return Buffer.concat(chunks).toString('utf8');
        chunks.push(chunk);
      }
    }
    while (!this.#ended) await this.#change();
    return (await this.#take(this.#buffer.length)).toString('utf8');
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) await this.#more();
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #takeUntil(mark: string): Promise<string> {
    let at = this.#buffer.indexOf(mark);
    while (at === -1) {
      await this.#more();
      at = this.#buffer.indexOf(mark);
    }
    const taken = await this.#take(at + mark.length);
    return taken.toString('latin1', 0, at);
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error(`The connection ended within a response; left: ${JSON.stringify(this.received)}`);
    await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}

/** Connects to a loopback port; destroyed when the test ends. */
export async function rawSocket(port: number): Promise<RawSocket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const raw = new RawSocket(socket);
  onTestFinished(() => {
    socket.destroy();
  });
  await withTimeout(
    new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    }),
    { what: `a connection to port ${port}` },
  );
  return raw;
}
