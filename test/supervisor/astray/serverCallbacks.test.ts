/** What a server and its transport's callbacks may do at the end of a session. */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { expect, onTestFinished, test } from 'vitest';
import { TinyServer } from '../../support/tinyServer.ts';
import { turns, until } from '../../support/until.ts';
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
