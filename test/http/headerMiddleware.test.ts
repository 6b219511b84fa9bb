/** Middleware that wraps the response: old ones that read its arguments their own way, and ones that throw. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { expectClientLife } from '../support/clientLife.ts';
import { type ServeOptions, serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import { callBody, initialize, initializeBody, openStream, post, rawSocket } from '../support/wire.ts';

/** Serves behind middleware that does something to the response first. */
function serveBehind(middleware: (req: IncomingMessage, res: ServerResponse) => void, options: ServeOptions = {}) {
  return serve({
    behind: (supervisor) => {
      const handle = toNodeHandler(supervisor);
      return (req, res) => {
        middleware(req, res);
        void handle(req, res);
      };
    },
    ...options,
  });
}

/** `writeHead` as on-headers before 1.1 wraps it (morgan 1.10.0, compression 1.7.4): every list is one of pairs. */
function wrapAsOnHeaders(res: ServerResponse): void {
  const writeHead = res.writeHead.bind(res) as (status: number) => ServerResponse;
  const wrapped = (status: number, ...rest: unknown[]) => {
    const headers = typeof rest[0] === 'string' ? rest[1] : rest[0];
    res.statusCode = status;
    if (Array.isArray(headers)) {
      for (const [name, value] of headers as [string, string][]) if (name) res.setHeader(name, value);
    } else {
      for (const [name, value] of Object.entries((headers ?? {}) as Record<string, string>)) res.setHeader(name, value);
    }
    res.setHeader('X-Response-Time', '1 ms');
    return writeHead(status);
  };
  res.writeHead = wrapped as typeof res.writeHead;
}

test.each([{}, { enableJsonResponse: true }])(
  'a client lives a whole session behind on-headers 1.0 (%o)',
  async (options) => {
    const served = await serveBehind((_, res) => wrapAsOnHeaders(res), options);
    if (options.enableJsonResponse !== true) await expectClientLife(served);
    const { headers } = await initialize(served.url);
    const answer = await post(served.url, callBody('echo', { text: 'hi' }), headers);
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringMatching(/^(application\/json|text\/event-stream)$/),
      'mcp-session-id': headers['mcp-session-id'],
      'x-response-time': '1 ms',
    });
    const refused = await post(served.url, 'no JSON', headers);
    expect(refused).toMatchObject({ status: 400, headers: { 'content-type': 'application/json' } });
  },
);

describe('a response that throws costs its request, and nothing else', () => {
  const METHODS = ['writeHead', 'setHeader', 'end', 'write', 'flushHeaders'] as const;

  test.each(METHODS)('in %s', async (method) => {
    let broken = false;
    const served = await serveBehind((_, res) => {
      if (!broken) return;
      res[method] = () => {
        throw new Error(`${method} threw`);
      };
    });
    const { url, port, supervisor, log, gates } = served;
    const { sessionId, headers } = await initialize(url);
    await becomesIdle(served, sessionId);

    broken = true;
    const raw = await rawSocket(port);
    const body = JSON.stringify(callBody('gate', { key: 'a' }));
    raw.begin('POST', { ...headers, 'content-length': String(body.length) });
    raw.write(body);
    await gates.entered('a');
    await turns(5); // the stream opens, where it can
    gates.open('a');
    await becomesIdle(served, sessionId);
    // What does not use the method can't be hurt by it.
    const hurt = log.filter(({ event }) => event === 'response.failed');
    if (method !== 'setHeader') {
      expect(hurt).toMatchObject([{ level: 'error', error: expect.objectContaining({ message: `${method} threw` }) }]);
      await until(raw.closed, { what: 'the connection to be ended' });
    }

    broken = false;
    expect((await post(url, callBody('echo', { text: 'hi' }), headers)).status).toBe(200);
    expect([...supervisor.sessions()].map(({ id, inFlight }) => ({ id, inFlight }))).toEqual([
      { id: sessionId, inFlight: 0 },
    ]);
  });

  test('behind a call on the same connection: the call is answered first', async () => {
    const { url, port, gates, supervisor } = await serveBehind((req, res) => {
      if (req.headers['x-broken'] === undefined) return;
      res.writeHead = () => {
        throw new Error('writeHead threw');
      };
    });
    const { sessionId, headers } = await initialize(url);
    const raw = await rawSocket(port);
    for (const [more, message] of [
      [{}, callBody('gate', { key: 'a' }, 1)],
      [{ 'x-broken': '1' }, callBody('echo', { text: 'hi' }, 2)],
    ] as const) {
      const body = JSON.stringify(message);
      raw.begin('POST', { ...headers, ...more, 'content-length': String(body.length) });
      raw.write(body);
    }
    await gates.entered('a');
    // The broken one holds its session no longer, although its turn is yet to come.
    await until(() => supervisor.stats().calls === 1, { what: 'the broken answer to be given up' });
    await until(() => supervisor.session(sessionId)?.inFlight === 1, { what: 'the broken exchange to be over' });
    gates.open('a');
    expect((await raw.readResponse()).body).toContain('passed a');
    await withTimeout(raw.closed, { what: 'the connection to be ended' });
    await becomesIdle({ supervisor }, sessionId);
  });

  test('while its session ends: the session is torn down, its server closed', async () => {
    let broken = false;
    const served = await serveBehind(
      (_, res) => {
        const { writeHead } = res;
        res.writeHead = function (this: ServerResponse, ...args: Parameters<typeof writeHead>) {
          if (broken) throw new Error('writeHead threw');
          return writeHead.apply(this, args);
        } as typeof writeHead;
      },
      { enableJsonResponse: true },
    );
    const { url, port, supervisor, gates, log } = served;
    const { sessionId, headers } = await initialize(url);
    const raw = await rawSocket(port);
    const body = JSON.stringify(callBody('gate', { key: 'a' }));
    raw.begin('POST', { ...headers, 'content-length': String(body.length) });
    raw.write(body);
    await gates.entered('a');
    broken = true;
    expect(await withTimeout(supervisor.terminate(sessionId), { what: 'the end of the session' })).toBe(true);
    expect(gates.counts('a').aborted).toBe(1);
    expect(log.filter(({ event }) => event === 'response.failed')).toHaveLength(1);
    await withTimeout(supervisor.drain(), { what: 'the drain' });
  });

  test('an initialize whose answer throws leaves a session that nobody knows, and that can be ended', async () => {
    let broken = true;
    const served = await serveBehind((_, res) => {
      if (broken)
        res.writeHead = () => {
          throw new Error('writeHead threw');
        };
    });
    await expect(post(served.url, initializeBody())).rejects.toThrow();
    broken = false;
    expect((await post(served.url, initializeBody())).status).toBe(200);
    await withTimeout(served.supervisor.drain(), { what: 'the drain' });
  });
});

test('a listener of close that throws keeps nobody from hearing of it', async () => {
  const thrown: unknown[] = [];
  const hear = (error: unknown) => thrown.push(error);
  // Node tells the process of a listener that throws; vitest's own listeners would fail the run.
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', hear);
  onTestFinished(() => {
    process.off('uncaughtException', hear);
    for (const other of others) process.on('uncaughtException', other);
  });
  const served = await serveBehind((_, res) =>
    res.on('close', () => {
      throw new Error('a listener threw');
    }),
  );
  const { sessionId, headers } = await initialize(served.url);
  await becomesIdle(served, sessionId);
  const stream = await openStream(served.url, { headers });
  expect(served.supervisor.session(sessionId)).toMatchObject({ state: 'active', openStreams: 1 });
  stream.destroy();
  await becomesIdle(served, sessionId);
  expect(thrown.length).toBeGreaterThan(0);
});
