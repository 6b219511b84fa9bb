/** A stream under test, with its store, its clock and the clients that listen to it. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { EventLog } from '../../src/stores/eventLog.ts';
import { Connection } from '../../src/transport/connection.ts';
import { MessageStream, type MessageStreamOptions } from '../../src/transport/messageStream.ts';
import { ControlledStore } from '../support/controlledStore.ts';
import { SseParser } from '../support/sse.ts';
import { withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeReply } from './fakeReply.ts';

/** What may wait for the store, in bytes. */
const MAX_BUFFER = 1_000;

/** A client: its connection and what it has got. */
export class Listener {
  readonly reply = new FakeReply();
  readonly connection: Connection;

  constructor(clock: WatchedClock) {
    const limits = { clock, keepAliveInterval: Number.POSITIVE_INFINITY, maxStreamBuffer: 1_000_000 };
    this.connection = new Connection(this.reply, () => ({}), limits, 204);
  }

  /** The events so far: a message by its number, a priming event as `primed`; with their ids where they have one. */
  get events(): string[] {
    const texts = this.reply.calls.map((call) => /^(?:write|end|respond 200 \{\}) (.*)$/s.exec(call)?.[1] ?? '');
    return new SseParser().push(texts.join('')).events.map(({ id, data }) => {
      const said = data === '' ? 'primed' : String(JSON.parse(data).params.n);
      return id === undefined ? said : `${said} ${id}`;
    });
  }
}

interface KitOptions {
  /** What clients that are sent away are told. */
  readonly retry?: number;
  readonly log?: boolean;
  readonly maxBuffer?: number;
}

export class StreamKit {
  readonly store = new ControlledStore();
  readonly clock = new WatchedClock();
  /** What the stream told of its store. */
  readonly failures: unknown[] = [];
  /** Not, where the session is another process's by now. */
  mayWrite = true;
  readonly stream: MessageStream;
  readonly #options: MessageStreamOptions;

  constructor({ retry, log = true, maxBuffer = MAX_BUFFER }: KitOptions = {}) {
    this.#options = {
      id: '0',
      log: log ? new EventLog(this.store, 'session-1', this.clock) : undefined,
      retry,
      maxBuffer,
      memory: this,
      onStoreFailure: (error) => this.failures.push(error),
    };
    this.stream = this.sameAgain();
  }

  /** The stream as it is made anew, of which nothing is left but what the store has. */
  sameAgain(): MessageStream {
    return new MessageStream(this.#options);
  }

  /** A client that is not connected yet. */
  client(): Listener {
    return new Listener(this.clock);
  }

  listen(): Listener {
    const client = this.client();
    this.stream.connect(client.connection);
    return client;
  }

  /** A client that resumes after an event that has to be known. */
  async resume(eventId: string): Promise<Listener> {
    const client = this.client();
    expect(await withTimeout(this.stream.resume(eventId, client.connection, false), { what: 'the resumption' })).toBe(
      true,
    );
    return client;
  }

  async settled(): Promise<void> {
    await withTimeout(this.stream.settled(), { what: 'the stream to settle' });
  }
}

export const message = (n: number, size = 0): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/test',
  params: { n, filling: 'x'.repeat(size) },
});
