/**
 * One session as its client sees it, over the deaths of the server: what it was told, and so what has to hold. A client has
 * one call at a time, always under the same id, so that an answer which comes a second time would be taken for another's.
 * What must not be is thrown as a `Violation`.
 */
import type { SseEvent, WireMessage } from '../support/sse.ts';
import type { MortalServer } from './mortalServer.ts';
import { type Sending, type Sent, send } from './send.ts';

/** What a promise that was broken looks like, with what the client did before. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

const CALL_ID = 1;
const VERSION = '2025-11-25';
const CUT_OFF = { code: -32000, message: 'The server was restarted before it had answered' };

/** How many calls that are over are remembered, to be asked for again. */
const MAX_PAST = 5;

/** Lines of what happened that a violation shows. */
const SHOWN = 40;

/** A call that was answered: where its stream begins, and with what. */
interface PastCall {
  readonly eventId: string;
  readonly answer: string;
}

/** Counts of what was seen, so that a test can show that it was. */
export interface Seen {
  answered: number;
  /** Answers that came when the stream was resumed. */
  resumed: number;
  cutOff: number;
  unknown: number;
  /** Questions of the server. */
  asked: number;
  /** Answers to those that came when there was nobody any more who had asked. */
  stale: number;
  announced: number;
  heard: number;
  deleted: number;
  replayed: number;
  /** Sessions that were opened for nobody, because the line broke. */
  orphans: number;
}

export class Life {
  busy = false;
  gone = false;
  readonly #server: MortalServer;
  readonly #seen: Seen;
  readonly #name: string;
  readonly #lines: string[] = [];
  readonly #past: PastCall[] = [];
  #id = '';
  #tokens = 0;
  /** The counter was so at least, and at most. */
  #acknowledged = 0;
  #attempted = 0;
  #epoch = 1;
  /** Answers to questions that nobody took because the server died: by the question's id. */
  readonly #stale: { readonly id: string | number; readonly token: string }[] = [];
  #listening: AbortController | undefined;
  #lastHeard: string | undefined;
  readonly #heard: number[] = [];
  #announcements = 0;

  constructor(server: MortalServer, seen: Seen, name: string) {
    this.#server = server;
    this.#seen = seen;
    this.#name = name;
  }

  get listens(): boolean {
    return this.#listening !== undefined;
  }

  /** Where a call of this session was answered, if it is remembered. */
  get someEventId(): string | undefined {
    return this.#past.at(-1)?.eventId;
  }

  /** Opens the session; tries until that has worked. */
  async open(): Promise<void> {
    const clientInfo = { name: 'mortal-client', version: '1.0.0' };
    const params = { protocolVersion: VERSION, capabilities: { elicitation: {} }, clientInfo };
    const body = { jsonrpc: '2.0', id: CALL_ID, method: 'initialize', params };
    for (;;) {
      const sent = await this.#send({ method: 'POST', body });
      if (sent.refused) continue;
      const answer = sent.messages.find(({ id }) => id === CALL_ID);
      if (answer?.result !== undefined && sent.sessionId !== undefined) {
        this.#id = sent.sessionId;
        break;
      }
      if (sent.complete) this.#violate(`initialize got ${describe(sent)}`);
      this.#seen.orphans++;
    }
    await this.#insist({ method: 'POST', body: { jsonrpc: '2.0', method: 'notifications/initialized' } }, 202);
  }

  /** Counts; the handler waits so many ms before and after. */
  async count(before = 0, after = 0): Promise<void> {
    this.#attempted++;
    const outcome = await this.#call('count', { before, after });
    if (outcome === 'refused') this.#attempted--;
    if (typeof outcome === 'string') return;
    const { count, epoch } = outcome as { count: number; epoch: number };
    if (!(count > this.#acknowledged && count <= this.#attempted)) {
      this.#violate(`counted ${count}, and it is more than ${this.#acknowledged}, ${this.#attempted} at most`);
    }
    if (epoch < this.#epoch) this.#violate(`epoch ${epoch} after ${this.#epoch}`);
    this.#epoch = epoch;
    // Nothing else of this client runs any more, so it is just that.
    this.#acknowledged = count;
    this.#attempted = count;
  }

  /**
   * Has the server ask something; first of all it gets answers to what it asked in lives before. Or it is `late`: then the
   * answer comes only when the process that asked is dead.
   */
  async ask(late = false): Promise<void> {
    const answers: Promise<void>[] = [];
    let given: string | undefined;
    const generation = this.#server.generation;
    const outcome = await this.#call('ask', {}, ({ id, method }) => {
      if (method !== 'elicitation/create' || id === undefined || id === null) return;
      const token = `${this.#name}/answer/${this.#tokens++}`;
      given ??= token;
      this.#seen.asked++;
      // One that is replayed was asked by a process that is dead already.
      const waits = late && generation === this.#server.generation;
      answers.push(this.#answerQuestion(id, token, waits ? this.#server.death : undefined));
    });
    await Promise.all(answers);
    if (typeof outcome === 'string') {
      if (outcome === 'cutOff' && generation === this.#server.generation) this.#violate('cut off without a death');
      return;
    }
    const { answer } = outcome as { answer: string };
    if (answer !== given) this.#violate(`the answer to a question was ${answer}, and it was given ${given}`);
  }

  /** Opens a GET stream, and opens it again whenever the line broke, until the session is over. */
  listen(): void {
    const listening = new AbortController();
    this.#listening = listening;
    const failed = (error: unknown) => {
      this.failure ??= error;
    };
    void this.#hear(listening.signal).catch(failed);
  }

  /** What went wrong while it listened. */
  failure: unknown;

  /** Has something sent on its GET stream. Returns its number, where that was acknowledged. */
  async announce(): Promise<number | undefined> {
    const number = this.#announcements++;
    const outcome = await this.#call('announce', {}, undefined, `${this.#name}/announcement/${number}`);
    if (typeof outcome === 'string') return undefined;
    this.#seen.announced++;
    return number;
  }

  hasHeard(number: number): boolean {
    return this.#heard.includes(number);
  }

  /** The session is over, and has to stay so. */
  async end(): Promise<void> {
    this.#stopListening();
    this.#log('DELETE');
    for (let isFirst = true; ; isFirst = false) {
      const sent = await this.#send({ method: 'DELETE', headers: this.#headers });
      if (sent.refused) continue;
      if (sent.status === 200 || (sent.status === 404 && !isFirst)) break;
      if (sent.status !== undefined) this.#violate(`DELETE got ${describe(sent)}`);
    }
    this.gone = true;
    this.#seen.deleted++;
  }

  /** Asks for a session that is over. */
  async haunt(how: number): Promise<void> {
    const ping = { jsonrpc: '2.0', id: CALL_ID, method: 'ping' };
    const lastEventId = this.someEventId;
    const ways: Sending[] = [
      { method: 'POST', body: ping },
      { method: 'GET' },
      { method: 'DELETE' },
      ...(lastEventId === undefined ? [] : [{ method: 'GET' as const, headers: { 'last-event-id': lastEventId } }]),
    ];
    await this.#insist(ways[Math.floor(how * ways.length)] as Sending, 404);
  }

  /** Asks again for the answer of a call that is over: it is that, once, and nothing else. */
  async revisit(how: number): Promise<void> {
    const past = this.#past[Math.floor(how * this.#past.length)];
    if (past === undefined) return;
    this.#log(`again ${past.eventId}`);
    const sent = await this.#insist({ method: 'GET', headers: { 'last-event-id': past.eventId } }, 200);
    const answers = sent.messages.filter(isAnswer).map((message) => JSON.stringify(message));
    const others = sent.messages.filter((message) => !isAnswer(message) && message.method !== 'elicitation/create');
    const isRight = sent.complete ? answers.join() === past.answer : ['', past.answer].includes(answers.join());
    if (!isRight || others.length > 0) {
      this.#violate(`the stream of ${past.eventId} had ${past.answer}, and now ${JSON.stringify(sent.messages)}`);
    }
    if (sent.complete) this.#seen.replayed++;
  }

  /** An event id of another session leads nowhere. */
  async trespass(other: Life): Promise<void> {
    const { someEventId } = other;
    if (someEventId === undefined) return;
    await this.#insist({ method: 'GET', headers: { 'last-event-id': someEventId } }, 400);
  }

  stopListening(): void {
    this.#stopListening();
  }

  // --- within

  get #headers(): Record<string, string> {
    return { 'mcp-session-id': this.#id, 'mcp-protocol-version': VERSION };
  }

  async #call(
    name: string,
    args: object,
    onQuestion?: (message: WireMessage) => void,
    token = `${this.#name}/${this.#tokens++}`,
  ): Promise<'refused' | 'unknown' | 'cutOff' | object> {
    const { generation } = this.#server;
    const params = { name, arguments: { ...args, token } };
    const body = { jsonrpc: '2.0', id: CALL_ID, method: 'tools/call', params };
    const onEvent = ({ data }: SseEvent) => {
      if (data !== '') onQuestion?.(JSON.parse(data) as WireMessage);
    };
    this.#log(`${name} ${token}`);
    let sent = await this.#send({ method: 'POST', headers: this.#headers, body, onEvent });
    if (sent.refused) return 'refused';
    const eventId = sent.events[0]?.id;
    let last = sent.events.at(-1)?.id;
    const answers: WireMessage[] = [];
    for (let isResumed = false; ; isResumed = true) {
      if (sent.status !== undefined && sent.status !== 200) this.#violate(`${name} got ${describe(sent)}`);
      answers.push(...sent.messages.filter(isAnswer));
      if (answers.length > 0) {
        if (isResumed) this.#seen.resumed++;
        break;
      }
      if (sent.complete) this.#violate(`${name} ended without an answer: ${describe(sent)}`);
      if (last === undefined) {
        this.#seen.unknown++;
        this.#log('nobody knows');
        return 'unknown';
      }
      sent = await this.#send({ method: 'GET', headers: { ...this.#headers, 'last-event-id': last }, onEvent });
      last = sent.events.at(-1)?.id ?? last;
    }
    const [answer] = answers;
    if (answers.length > 1 || answer?.id !== CALL_ID) this.#violate(`${name} has answers ${JSON.stringify(answers)}`);
    if (eventId !== undefined) {
      this.#past.push({ eventId, answer: JSON.stringify(answer) });
      if (this.#past.length > MAX_PAST) this.#past.shift();
    }
    this.#log(JSON.stringify(answer?.result ?? answer?.error));
    if (answer?.error !== undefined) {
      const { code, message } = answer.error;
      const isCut = code === CUT_OFF.code && message === CUT_OFF.message && generation !== this.#server.generation;
      if (!isCut) this.#violate(`${name} failed: ${JSON.stringify(answer.error)}`);
      this.#seen.cutOff++;
      return 'cutOff';
    }
    this.#seen.answered++;
    const result = JSON.parse(answer?.result.content[0].text) as { token: string };
    if (result.token !== token) this.#violate(`${token} was answered as ${result.token}`);
    return result;
  }

  async #answerQuestion(id: string | number, token: string, death?: Promise<void>): Promise<void> {
    const { generation } = this.#server;
    await death;
    for (const stale of this.#stale.splice(0)) {
      this.#seen.stale++;
      this.#log(`answers ${stale.id} late, with ${stale.token}`);
      await this.#insist({ method: 'POST', body: answerBody(stale.id, stale.token) }, 202);
    }
    this.#log(`answers ${id} with ${token}`);
    const sent = await this.#send({ method: 'POST', headers: this.#headers, body: answerBody(id, token) });
    if (sent.status !== undefined && sent.status !== 202) this.#violate(`the answer to ${id} got ${describe(sent)}`);
    // It may have reached nobody, or somebody whose question it is not any more.
    const isLate = generation !== this.#server.generation;
    if (isLate && sent.status !== undefined) this.#seen.stale++;
    if (isLate || sent.status === undefined) this.#stale.push({ id, token });
  }

  async #hear(signal: AbortSignal): Promise<void> {
    const stream = new Set<string>();
    while (!signal.aborted) {
      await this.#server.up;
      const resuming: Record<string, string> =
        this.#lastHeard === undefined ? {} : { 'last-event-id': this.#lastHeard };
      const onEvent = ({ id, data }: SseEvent) => {
        if (id !== undefined) {
          if (stream.has(id)) this.failure ??= this.#violation(`event ${id} came twice`);
          stream.add(id);
          this.#lastHeard = id;
        }
        if (data !== '') this.#hearMessage(JSON.parse(data) as WireMessage);
      };
      const sent = await send(this.#server.url, {
        method: 'GET',
        headers: { ...this.#headers, ...resuming },
        onEvent,
        signal,
      });
      if (signal.aborted) return;
      if (sent.status !== undefined && sent.status !== 200) this.#violate(`its GET stream got ${describe(sent)}`);
    }
  }

  #hearMessage({ method, params, ...rest }: WireMessage): void {
    const [, number] = new RegExp(`^${this.#name}/announcement/(\\d+)$`).exec(String(params?.data)) ?? [];
    if (method !== 'notifications/message' || number === undefined) {
      this.failure ??= this.#violation(`its GET stream said ${JSON.stringify({ method, params, ...rest })}`);
    } else if (Number(number) <= (this.#heard.at(-1) ?? -1)) {
      this.failure ??= this.#violation(`announcement ${number} came after ${this.#heard.at(-1)}`);
    } else {
      this.#seen.heard++;
      this.#heard.push(Number(number));
    }
  }

  #stopListening(): void {
    this.#listening?.abort();
    this.#listening = undefined;
  }

  /** Sends it until there is an answer, which has to be this. */
  async #insist(sending: Sending, status: number): Promise<Sent> {
    for (;;) {
      const sent = await this.#send({ ...sending, headers: { ...this.#headers, ...sending.headers } });
      if (sent.status === status) return sent;
      if (sent.status !== undefined) this.#violate(`${sending.method} got ${describe(sent)} instead of ${status}`);
    }
  }

  async #send(sending: Sending): Promise<Sent> {
    await this.#server.up;
    try {
      return await send(this.#server.url, sending);
    } catch (error) {
      return this.#violate(String(error));
    }
  }

  #log(line: string): void {
    this.#lines.push(`${this.#server.generation}: ${line}`);
    if (this.#lines.length > SHOWN) this.#lines.shift();
  }

  #violate(what: string): never {
    throw this.#violation(what);
  }

  #violation(what: string): Violation {
    const where = `${this.#name} (${this.#id}), process ${this.#server.generation}`;
    return new Violation(`${where}: ${what}\n  ${this.#lines.join('\n  ')}`);
  }
}

function answerBody(id: string | number, answer: string) {
  return { jsonrpc: '2.0', id, result: { action: 'accept', content: { answer } } };
}

function isAnswer(message: WireMessage): boolean {
  return message.method === undefined;
}

function describe({ status, messages, complete }: Sent): string {
  return `${status ?? 'no status'}${complete ? '' : ' (the line broke)'} ${JSON.stringify(messages)}`;
}
