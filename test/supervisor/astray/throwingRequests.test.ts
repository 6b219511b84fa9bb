/** What a request carries of the embedder's may throw when it is read: that costs the request, and not the process. */
import { createServer } from 'node:http';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../support/listen.ts';
import { withTimeout } from '../../support/until.ts';
import { initializeBody, post } from '../../support/wire.ts';
import { embed, initializeOf, open } from './embedder.ts';

const unreadable = () => {
  throw new Error('thrown by a getter');
};

test.each(['auth', 'body'])(
  'a getter of request.%s that throws is a refused request, of whom the log tells',
  async (name) => {
    const log: string[] = [];
    const supervisor = embed({ logger: ({ level, event }) => level !== 'info' && log.push(event) });
    const handler = toNodeHandler(supervisor);
    let thrown: unknown;
    const server = createServer(async (request, response) => {
      // A body is looked at where somebody has read the stream.
      if (name === 'body') await request.resume().toArray();
      Object.defineProperty(request, name, { get: unreadable });
      try {
        await handler(request, response);
      } catch (error) {
        thrown = error; // on node:http it would be an uncaught exception, and end the process
        response.destroy();
      }
    });
    const { url, close } = await listen(server);
    onTestFinished(close);
    const answer = await post(url, initializeBody()).catch(() => undefined);
    expect(thrown).toBeUndefined();
    expect([400, 403, 500]).toContain(answer?.status);
    expect(log).not.toEqual([]);
    expect((await open(supervisor)).status).toBe(200);
    await supervisor.drain();
  },
);

test.each(['authInfo', 'parsedBody'])('fetch does not reject where its option %s can’t be read', async (name) => {
  const supervisor = embed();
  const options = Object.defineProperty({}, name, { get: unreadable });
  const answered = supervisor.fetch(initializeOf(), options);
  await expect(withTimeout(answered, { what: 'the answer' })).resolves.toHaveProperty('status');
  await supervisor.drain();
});
