/** One request of the model's client, and what came back so far: read in the background, judged when asked. */

/** A JSON-RPC message, as far as the model looks at it. */
export interface ModelMessage {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

export class ModelExchange {
  /** What kind of exchange it is, for reports. */
  readonly what: string;
  /** The JSON-RPC id of its request. */
  readonly id: number | undefined;
  /** Resolves when the headers are there; never rejects. */
  readonly answered: Promise<void>;
  /** Resolves when the answer has ended, however it ended; never rejects. */
  readonly ended: Promise<void>;
  readonly messages: ModelMessage[] = [];
  status: number | undefined;
  headers = new Headers();
  isEnded = false;
  /** Why it could not be sent or read. */
  error: unknown;
  readonly #abort = new AbortController();

  constructor(what: string, id: number | undefined, request: Request, fetch: (request: Request) => Promise<Response>) {
    this.what = what;
    this.id = id;
    let answered = () => {};
    this.answered = new Promise((resolve) => (answered = resolve));
    this.ended = this.#run(new Request(request, { signal: this.#abort.signal }), fetch, answered);
  }

  get isStream(): boolean {
    return this.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  }

  /** Responses to its own request. */
  get responses(): ModelMessage[] {
    return this.messages.filter(({ id, method }) => method === undefined && id === this.id);
  }

  /** What came back, for reports. */
  describe(): string {
    if (this.error !== undefined && this.status === undefined) return `no answer (${String(this.error)})`;
    if (this.status === undefined) return 'no answer yet';
    const bodies = this.messages.map((message) => JSON.stringify(message)).join(' ');
    return `${this.status} ${this.isEnded ? 'ended' : 'open'}${bodies === '' ? ', no message' : ` ${bodies.slice(0, 300)}`}`;
  }

  /** The client goes away. */
  hangUp(): void {
    this.#abort.abort();
  }

  async #run(request: Request, fetch: (request: Request) => Promise<Response>, answered: () => void): Promise<void> {
    try {
      const response = await fetch(request);
      this.status = response.status;
      this.headers = response.headers;
      answered();
      await this.#read(response);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.error = error;
    } finally {
      this.isEnded = true;
      answered();
    }
  }

  async #read(response: Response): Promise<void> {
    if (response.body === null) return;
    let text = '';
    const reader = response.body.getReader();
    this.#abort.signal.addEventListener('abort', () => void reader.cancel().catch(() => {}));
    const decoder = new TextDecoder();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      text += decoder.decode(chunk.value, { stream: true });
      if (this.isStream) text = this.#takeEvents(text);
    }
    if (!this.isStream && text !== '') this.#take(text);
  }

  #takeEvents(text: string): string {
    const events = text.split(/\r?\n\r?\n/);
    const rest = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      const data = lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
      if (data !== '') this.#take(data);
    }
    return rest;
  }

  #take(json: string): void {
    try {
      const parsed: unknown = JSON.parse(json);
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) this.messages.push(message as ModelMessage);
    } catch {
      this.messages.push({ method: `not JSON: ${json.slice(0, 100)}` });
    }
  }
}
