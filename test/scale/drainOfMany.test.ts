/** A drain of very many idle sessions, which must leave the event loop to others, and of a whole process. */
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { start, useCommand } from '../cli/command.ts';
import { supervise } from '../support/serve.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { withTimeout } from '../support/until.ts';
import { callBody, initialize, initializeBody, openStream, post } from '../support/wire.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

test('10 000 idle sessions end in slices, between which the event loop turns and timers fire', {
  timeout: 60_000,
}, async () => {
  const SESSIONS = 10_000;
  const { supervisor } = supervise({ server: () => new TinyServer() });
  const body = JSON.stringify(initializeBody());
  for (let n = 0; n < SESSIONS; n++) {
    const opened = await supervisor.fetch(new Request('http://localhost/', { method: 'POST', headers: HEADERS, body }));
    await opened.body?.cancel();
  }
  expect([...supervisor.sessions()].filter(({ state }) => state === 'idle')).toHaveLength(SESSIONS);

  let ended = 0;
  let endedThisTurn = 0;
  let mostInOneTurn = 0;
  supervisor.on('session.terminated', () => {
    ended++;
    endedThisTurn++;
    mostInOneTurn = Math.max(mostInOneTurn, endedThisTurn);
  });
  let draining = true;
  const onTurn = () => {
    endedThisTurn = 0;
    if (draining) setImmediate(onTurn);
  };
  setImmediate(onTurn);
  let ticks = 0;
  let lag = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    ticks++;
    lag = Math.max(lag, performance.now() - last);
    last = performance.now();
  }, 1);
  await withTimeout(supervisor.drain(), { what: 'the drain', within: 20_000 });
  draining = false;
  clearInterval(ticking);

  expect(ended).toBe(SESSIONS);
  expect([...supervisor.sessions()]).toEqual([]);
  expect(mostInOneTurn).toBeLessThanOrEqual(500);
  expect(ticks).toBeGreaterThan(10);
  expect(lag).toBeLessThan(2_000);
});

describe('a process whose supervisor was drained', () => {
  const built = useCommand();

  test('ends by itself: no timer, no socket, nothing is left that would keep it alive', async () => {
    const program = await built.module(
      'drained.js',
      `
      import { createServer } from 'node:http';
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
      import { createSessionSupervisor } from '${built.importUrl('index.js')}';
      import { toNodeHandler } from '${built.importUrl('node.js')}';

      const supervisor = createSessionSupervisor({
        shutdownTimeout: 200,
        maxSessionLifetime: 86_400_000,
        logger: ({ level, event }) => {
          if (level === 'warn' || level === 'error') console.log('warned of ' + event);
        },
        server: (session) => {
          if (session.clientInfo.name === 'hanging') {
            console.log('hanging');
            return new Promise(() => {});
          }
          const server = new McpServer({ name: 'child', version: '1' }, session.serverOptions);
          server.registerTool('hang', {}, () => {
            console.log('called');
            return new Promise(() => {});
          });
          return server;
        },
      });
      const http = createServer(toNodeHandler(supervisor)).listen(0, '127.0.0.1', () => {
        console.log('listening ' + http.address().port);
      });
      process.once('SIGTERM', async () => {
        http.close();
        await supervisor.drain();
        console.log('drained');
      });
      `,
    );
    const child = start(process.execPath, [program]);
    const listening = await child.line(/^listening/);
    const url = `http://127.0.0.1:${listening.split(' ')[1]}/mcp`;
    await initialize(url);
    const { headers } = await initialize(url);
    const stream = await openStream(url, { headers });
    const calling = post(url, callBody('hang'), headers);
    await child.line(/^called/);
    const hanging = post(url, initializeBody({ clientInfo: { name: 'hanging', version: '1' } }));
    await child.line(/^hanging/);

    child.kill('SIGTERM');
    expect((await calling).messages()).toMatchObject([{ error: { message: 'Session ended: drained' } }]);
    expect((await hanging).status).toBe(503);
    expect(await withTimeout(stream.closed)).toBe(true);
    await child.line(/^drained/);
    expect(await child.exited()).toEqual({ code: 0, signal: null });
    // Of the factory that never returns, and of nothing else.
    expect(child.lines(/^warned of/)).toEqual(['warned of server.closeFailed']);
    expect(child.stderr).toBe('');
  });
});
