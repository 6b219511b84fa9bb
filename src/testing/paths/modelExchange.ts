/** One request of the model's client, and what came back so far: read in the background, judged when asked. */
import { setTimeout } from 'node:timers/promises';

/** A JSON-RPC message, as far as the model looks at it. */
export interface ModelMessage {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

type Fetch = (request: Request) => Promise<Response>;

export interface ModelExchangeOptions {
  /** What kind of request it is, for reports: `POST ping`. */
  readonly what: string;
  /** The JSON-RPC id of its request. */
  readonly id: number | undefined;
  readonly request: Request;
  readonly fetch: Fetch;
  /** A stream that the server closes before it is over is resumed, as the protocol lets the server ask for. */
  readonly resumes: boolean;
}

/** How long to wait before resuming where the server doesn't say, and the longest that it is obeyed, in ms. */
const RETRY = 1_000;
const LONGEST_RETRY = 5_000;

export class ModelExchange {
  readonly what: string;
  readonly id: number | undefined;
  /** Resolves when the headers are there; never rejects. */
  readonly answered: Promise<void>;
  /** Resolves when the answer has ended, however it ended; never rejects. */
  readonly ended: Promise<void>;
  readonly messages: ModelMessage[] = [];
  /** The beginning of what was no JSON. */
  #text = '';
  status: number | undefined;
  headers: Headers = new Headers();
  isEnded = false;
  /** Settles when what is being read has ended; a client may come back for the rest, and then it is not `ended`. */
  disconnected: Promise<void> = Promise.resolve();
  #isConnected = false;
  /** Why it could not be sent or read. */
  error: unknown;
  readonly #abort = new AbortController();
  readonly #fetch: Fetch;
  readonly #resumes: boolean;
  #lastEventId = '';
  #retry = RETRY;

  constructor({ what, id, request, fetch, resumes }: ModelExchangeOptions) {
    this.what = what;
    this.id = id;
    this.#fetch = fetch;
    this.#resumes = resumes;
    let answered = () => {};
    this.answered = new Promise((resolve) => (answered = resolve));
    this.ended = this.#run(new Request(request, { signal: this.#abort.signal }), answered).finally(() => {
      this.isEnded = true;
      answered();
    });
  }

  get isStream(): boolean {
    return this.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  }

  /** Responses to its own request. */
  get responses(): ModelMessage[] {
    return this.messages.filter(({ id, method }) => method === undefined && id === this.id);
  }

  /** What it could be resumed after; empty where nothing had an id. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Something came with it, whatever it was. */
  get hasBody(): boolean {
    return this.messages.length > 0 || this.#text !== '';
  }

  /** It is over, with the one response that it should have, and this is a result. */
  get isServed(): boolean {
    const [response] = this.responses;
    return this.isEnded && this.responses.length === 1 && response?.result !== undefined;
  }

  /** What came back, for reports. */
  describe(): string {
    if (this.status === undefined) return this.isEnded ? `no answer (${causeOf(this.error)})` : 'no answer yet';
    const bodies = [...this.messages.map((message) => JSON.stringify(message)), this.#text].join(' ').trim();
    const state =
      this.error !== undefined
        ? 'cut off'
        : this.isEnded
          ? 'ended'
          : this.#isConnected
            ? 'still open'
            : 'ended, and may be resumed';
    const text = bodies.length > 300 ? `${bodies.slice(0, 299)}…` : bodies;
    return `${this.status}, ${state}, ${text === '' ? 'no message' : text}`;
  }

  /** The client goes away. */
  hangUp(): void {
    this.#abort.abort();
  }

  async #run(request: Request, answered: () => void): Promise<void> {
    try {
      const response = await this.#fetch(request);
      this.status = response.status;
      this.headers = response.headers;
      answered();
      await this.#follow(response);
      while (this.#isCutShort(request)) {
        await setTimeout(Math.min(this.#retry, LONGEST_RETRY), undefined, { signal: this.#abort.signal });
        const resumed = await this.#fetch(this.#resumption(request));
        const streams = resumed.headers.get('content-type')?.startsWith('text/event-stream') === true;
        if (resumed.status !== 200 || !streams) return;
        this.error = undefined;
        await this.#follow(resumed);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async #follow(response: Response): Promise<void> {
    this.#isConnected = true;
    this.disconnected = this.#read(response).finally(() => {
      this.#isConnected = false;
    });
    await this.disconnected;
  }

  #fail(error: unknown): void {
    if (!this.#abort.signal.aborted) this.error = error;
  }

  /** Its stream has ended, but the server has left an event id to resume it from. */
  #isCutShort({ headers }: Request): boolean {
    const isOver = this.id !== undefined && this.responses.length > 0;
    const resumable = this.#resumes && this.isStream && this.#lastEventId !== '' && headers.has('mcp-session-id');
    return resumable && !isOver && !this.#abort.signal.aborted;
  }

  #resumption({ url, headers: sent }: Request): Request {
    const headers = new Headers({ Accept: 'text/event-stream', 'Last-Event-ID': this.#lastEventId });
    for (const name of ['mcp-session-id', 'mcp-protocol-version']) {
      const value = sent.get(name);
      if (value !== null) headers.set(name, value);
    }
    return new Request(url, { headers, signal: this.#abort.signal });
  }

  async #read(response: Response): Promise<void> {
    if (response.body === null) return;
    let text = '';
    const reader = response.body.getReader();
    const cancel = () => void reader.cancel().catch(() => {});
    this.#abort.signal.addEventListener('abort', cancel);
    const decoder = new TextDecoder();
    try {
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        text += decoder.decode(chunk.value, { stream: true });
        if (this.isStream) text = this.#takeEvents(text);
      }
      if (!this.isStream && text !== '') this.#take(text);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#abort.signal.removeEventListener('abort', cancel);
    }
  }

  #takeEvents(text: string): string {
    const events = text.split(/\r?\n\r?\n/);
    const rest = events.pop() ?? '';
    for (const event of events) {
      const data: string[] = [];
      for (const line of event.split(/\r?\n/)) {
        const [, field, value = ''] = /^(data|id|retry)(?:: ?(.*))?$/.exec(line) ?? [];
        if (field === 'data') data.push(value);
        if (field === 'id') this.#lastEventId = value;
        if (field === 'retry' && /^\d+$/.test(value)) this.#retry = Number(value);
      }
      const json = data.join('\n');
      if (json !== '') this.#take(json);
    }
    return rest;
  }

  #take(json: string): void {
    try {
      const parsed: unknown = JSON.parse(json);
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) this.messages.push(message as ModelMessage);
    } catch {
      this.#text = json.slice(0, 100).replace(/\s+/g, ' ');
    }
  }
}

/** What went wrong, in a few words: what Node says underneath, where `fetch` only says that it failed. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? causeOf(error.cause) : error.message;
}
