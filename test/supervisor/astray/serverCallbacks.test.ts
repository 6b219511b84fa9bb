/** What a server and its transport's callbacks may do at the end of a session. */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { expect, onTestFinished, test } from 'vitest';
import type { LogEntry } from '../../../src/index.ts';
import { TinyServer } from '../../support/tinyServer.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { embed, open } from './embedder.ts';

test.each(['onclose', 'onmessage'] as const)(
  'an async %s that rejects is nobody’s unhandled rejection',
  async (name) => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    class Rejecting extends TinyServer {
      override async connect(transport: Transport): Promise<void> {
        await super.connect(transport);
        const { onmessage } = transport;
        transport[name] = async (...given: unknown[]) => {
          if (given.length > 0) Reflect.apply(onmessage ?? (() => {}), transport, given);
          throw new Error('rejected by a callback');
        };
      }
    }
    const log: string[] = [];
    const supervisor = embed({ server: () => new Rejecting(), logger: ({ error }) => log.push(String(error)) });
    const { id } = await open(supervisor);
    await supervisor.terminate(id);
    await turns(3);
    expect(unhandled).toEqual([]);
    expect(log).toContain('Error: rejected by a callback');
    await supervisor.drain();
  },
);

test('a server whose close never settles is cleaned up after once it is given up', async () => {
  let cleanups = 0;
  class Hanging extends TinyServer {
    override close(): Promise<void> {
      return new Promise(() => {});
    }
  }
  const supervisor = embed({
    server: () => ({
      server: new Hanging(),
      cleanup: () => {
        cleanups++;
      },
    }),
  });
  await open(supervisor);
  await supervisor.drain();
  await until(() => cleanups > 0, { within: 1_000, what: 'the cleanup' });
  expect(cleanups).toBe(1);
});

/** A server like `McpServer`, whose `server` turns against its reader. */
class Turning extends TinyServer {
  closes = 0;
  #reads = 0;
  readonly #from: number;
  readonly #wrapped = new TinyServer();

  constructor(from: number) {
    super();
    this.#from = from;
  }

  get server(): TinyServer {
    if (this.#reads++ >= this.#from) throw new Error('thrown by a getter');
    return this.#wrapped;
  }

  override async close(): Promise<void> {
    this.closes++;
    await super.close();
  }
}

test.each([
  ['at once', 0],
  ['at the end of its session', 1],
])('a server whose getter throws %s is closed and cleaned up after', async (_when, from) => {
  const server = new Turning(from);
  const ended = { cleanups: 0 };
  const log: LogEntry[] = [];
  const supervisor = embed({
    server: () => ({ server, cleanup: () => ended.cleanups++ }),
    logger: (entry) => log.push(entry),
  });
  const { status, id } = await open(supervisor);
  expect(status).toBe(200);
  expect(await withTimeout(supervisor.terminate(id), { what: 'terminate' })).toBe(true);
  expect({ ...ended, closes: server.closes }).toEqual({ cleanups: 1, closes: 1 });
  expect(supervisor.stats().servers).toEqual({ starting: 0, closing: 0 });
  expect(log.filter(({ level }) => level !== 'info')).toEqual([]);
  await supervisor.drain();
});

test('a server whose wrapped one is another by the end of its session may be used again', async () => {
  let built = 0;
  class Changing extends TinyServer {
    server = new TinyServer();
  }
  const first = new Changing();
  const { server: wrapped } = first;
  const supervisor = embed({ server: () => (built++ === 0 ? first : wrapped) });
  const { id } = await open(supervisor);
  first.server = new TinyServer();
  await supervisor.terminate(id);
  expect((await open(supervisor)).status).toBe(200);
  await supervisor.drain();
});
