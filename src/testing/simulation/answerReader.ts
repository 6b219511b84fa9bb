/** Reads the answers that come on a connection, one after the other (RFC 9112), as far as Node's server writes them. */
import type { WireAnswer } from './wire.ts';

/** The next bytes of the connection; undefined at its end. */
type Take = () => Promise<Uint8Array | undefined>;

const HEAD_END = '\r\n\r\n';

export class AnswerReader {
  readonly #take: Take;
  #rest = Buffer.alloc(0);

  constructor(take: Take) {
    this.#take = take;
  }

  /** The head of the next answer; undefined when the connection ends before it. */
  async next(): Promise<ReadAnswer | undefined> {
    const head = await this.#until(HEAD_END);
    if (head === undefined) return undefined;
    const [statusLine = '', ...lines] = head.split('\r\n');
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return new ReadAnswer(Number(statusLine.split(' ')[1]), headers, this);
  }

  /** So many bytes, or fewer where the connection ends. */
  async bytes(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count && (await this.#more()));
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return bytes;
  }

  /** A chunk of a body; undefined at the end of the body, or of the connection. */
  async chunk(): Promise<Uint8Array | undefined> {
    const size = Number.parseInt((await this.#until('\r\n')) ?? '0', 16);
    const bytes = await this.bytes(size + 2);
    return size === 0 || bytes.length < size ? undefined : bytes.subarray(0, size);
  }

  async #until(mark: string): Promise<string | undefined> {
    while (!this.#rest.includes(mark)) if (!(await this.#more())) return undefined;
    const end = this.#rest.indexOf(mark);
    const text = this.#rest.subarray(0, end).toString();
    this.#rest = this.#rest.subarray(end + mark.length);
    return text;
  }

  async #more(): Promise<boolean> {
    const bytes = await this.#take();
    if (bytes !== undefined) this.#rest = Buffer.concat([this.#rest, bytes]);
    return bytes !== undefined;
  }
}

class ReadAnswer implements WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly #reader: AnswerReader;
  /** Bytes of the body that are to come; undefined where it comes in chunks. */
  #left: number | undefined;
  #over: () => void = () => {};
  /** Resolves when all of it has been read. */
  readonly over = new Promise<void>((resolve) => {
    this.#over = resolve;
  });

  constructor(status: number, headers: Headers, reader: AnswerReader) {
    this.status = status;
    this.headers = headers;
    this.#reader = reader;
    const chunked = headers.get('transfer-encoding') === 'chunked';
    this.#left = chunked ? undefined : Number(headers.get('content-length') ?? 0);
    if (this.#left === 0) this.#over();
  }

  async text(): Promise<string> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    const bytes = this.#left === undefined ? await this.#reader.chunk() : await this.#reader.bytes(this.#left);
    if (this.#left !== undefined || bytes === undefined) {
      this.#left = 0;
      this.#over();
    }
    return bytes;
  }
}
