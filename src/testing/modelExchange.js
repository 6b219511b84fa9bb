/** One request of the model's client, and what came back so far: read in the background, judged when asked. */
export class ModelExchange {
  /** What kind of exchange it is, for reports. */
  what;
  /** The JSON-RPC id of its request. */
  id;
  /** Resolves when the headers are there; never rejects. */
  answered;
  /** Resolves when the answer has ended, however it ended; never rejects. */
  ended;
  messages = [];
  status;
  headers = new Headers();
  isEnded = false;
  /** Why it could not be sent or read. */
  error;
  #abort = new AbortController();
  constructor(what, id, request, fetch) {
    this.what = what;
    this.id = id;
    let answered = () => {};
    this.answered = new Promise((resolve) => (answered = resolve));
    this.ended = this.#run(new Request(request, { signal: this.#abort.signal }), fetch, answered);
  }
  get isStream() {
    return this.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  }
  /** Responses to its own request. */
  get responses() {
    return this.messages.filter(({ id, method }) => method === undefined && id === this.id);
  }
  /** What came back, for reports. */
  describe() {
    if (this.error !== undefined && this.status === undefined) return `no answer (${String(this.error)})`;
    if (this.status === undefined) return 'no answer yet';
    const bodies = this.messages.map((message) => JSON.stringify(message)).join(' ');
    return `${this.status} ${this.isEnded ? 'ended' : 'open'}${bodies === '' ? ', no message' : ` ${bodies.slice(0, 300)}`}`;
  }
  /** The client goes away. */
  hangUp() {
    this.#abort.abort();
  }
  async #run(request, fetch, answered) {
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
  async #read(response) {
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
  #takeEvents(text) {
    const events = text.split(/\r?\n\r?\n/);
    const rest = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      const data = lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
      if (data !== '') this.#take(data);
    }
    return rest;
  }
  #take(json) {
    try {
      const parsed = JSON.parse(json);
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) this.messages.push(message);
    } catch {
      this.messages.push({ method: `not JSON: ${json.slice(0, 100)}` });
    }
  }
}
