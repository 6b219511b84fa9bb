/** Bodies that somebody has touched before they get here: read, handed over or not, with an encoding set, with a mark. */
import express from 'express';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { expectClientLife } from '../support/clientLife.ts';
import { type Supervisor, serve, supervise } from '../support/serve.ts';
import { initializeBody, post, rawSocket } from '../support/wire.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const BODY = JSON.stringify(initializeBody());
const CONSUMED = /the body was read before it reached this handler; pass what was read on as parsedBody/;

const webRequest = () => new Request('http://localhost/', { method: 'POST', headers: HEADERS, body: BODY });

describe('on Node', () => {
  test('one that was read and not handed over is answered with how to do that', async () => {
    const { url } = await serve({
      behind: (supervisor) => {
        const app = express();
        app.use((req, _res, next) => void req.resume().on('end', next));
        app.all('/mcp', toNodeHandler(supervisor));
        return app;
      },
    });
    const answer = await post(url, BODY);
    expect({ status: answer.status, message: answer.json().error?.message }).toEqual({
      status: 400,
      message: expect.stringMatching(CONSUMED),
    });
  });

  test('one that throws when it is asked for is answered as one that is gone', async () => {
    const handled: unknown[] = [];
    const get = () => {
      throw new Error('it was never parsed');
    };
    const { url } = await serve({
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => {
          req.resume().on('end', () => {
            Object.defineProperty(req, 'body', { get });
            try {
              void handle(req, res);
            } catch (error) {
              handled.push(error);
              res.writeHead(500).end();
            }
          });
        };
      },
    });
    const answer = await post(url, BODY);
    expect({ handled, status: answer.status }).toEqual({ handled: [], status: 400 });
    expect(answer.text).toMatch(CONSUMED);
  });

  test('one that is read in part is not taken for the whole', async () => {
    const { port } = await serve({
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => void req.once('data', () => void handle(req, res));
      },
    });
    const raw = await rawSocket(port);
    raw.begin('POST', { 'content-length': String(BODY.length) });
    raw.write(BODY.slice(0, 10));
    const answer = await raw.readResponse();
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(CONSUMED);
  });

  test.each(['utf8', 'utf-8'] as const)('setEncoding(%j) in an earlier middleware is no matter', async (encoding) => {
    const served = await serve({
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => void handle(req.setEncoding(encoding), res);
      },
    });
    await expectClientLife(served);
    expect((await post(served.url, `\ufeff${BODY}`)).status).toBe(200);
  });

  test('text of an earlier setEncoding is counted in bytes', async () => {
    const { url } = await serve({
      maxRequestBodySize: 1_000,
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => {
          delete req.headers['content-length'];
          void handle(req.setEncoding('utf8'), res);
        };
      },
    });
    const said = (text: string) => post(url, initializeBody({ clientInfo: { name: text, version: '1' } }));
    expect((await said('ü'.repeat(400))).status).toBe(200);
    expect((await said('€'.repeat(400))).status).toBe(413);
  });

  test.each(['latin1', 'base64', 'hex', 'utf16le'] as const)(
    'setEncoding(%j) is refused with words',
    async (encoding) => {
      const { url, log } = await serve({
        behind: (supervisor) => {
          const handle = toNodeHandler(supervisor);
          return (req, res) => void handle(req.setEncoding(encoding), res);
        },
      });
      const answer = await post(url, BODY);
      expect(answer.status).toBe(400);
      expect(answer.json().error?.message).toContain('another encoding than UTF-8');
      expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    },
  );

  test.each<[string, unknown]>([
    ['text', `\ufeff${BODY}`],
    ['bytes', Buffer.from(`\ufeff${BODY}`)],
  ])('a byte order mark in a body that is handed over as %s is passed over', async (_, body) => {
    const { url } = await serve({
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => void req.resume().on('end', () => void handle(req, res, body));
      },
    });
    expect((await post(url, BODY)).status).toBe(200);
  });

  test('bytes that are handed over and are no UTF-8 are no JSON', async () => {
    const { url } = await serve({
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => void req.resume().on('end', () => void handle(req, res, Buffer.from(`"\xe9"`, 'latin1')));
      },
    });
    expect((await post(url, BODY)).json().error?.code).toBe(-32700);
  });
});

describe('over fetch', () => {
  async function answered(send: (supervisor: Supervisor) => Promise<Response>) {
    const { supervisor, log, stop } = supervise();
    const answer = await send(supervisor);
    const text = await answer.text();
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    await stop();
    return { status: answer.status, text };
  }

  test('one that was read and not handed over is answered with how to do that', async () => {
    const request = webRequest();
    await request.json();
    const { status, text } = await answered((supervisor) => supervisor.fetch(request));
    expect(status).toBe(400);
    expect(text).toMatch(CONSUMED);
  });

  test('so is one that somebody holds', async () => {
    const request = webRequest();
    request.body?.getReader();
    const { status, text } = await answered((supervisor) => supervisor.fetch(request));
    expect(status).toBe(400);
    expect(text).toMatch(CONSUMED);
  });

  test.each<[string, (request: Request) => Promise<unknown>]>([
    ['json()', (request) => request.json()],
    ['text()', (request) => request.text()],
    ['arrayBuffer()', async (request) => new Uint8Array(await request.arrayBuffer())],
  ])('what %s gave can be handed over', async (_, read) => {
    const request = webRequest();
    const parsedBody = await read(request);
    const { status, text } = await answered((supervisor) => supervisor.fetch(request, { parsedBody }));
    expect(status).toBe(200);
    expect(text).toContain('"serverInfo"');
  });

  test("so can what Hono's c.req.json() gave", async () => {
    const { status } = await answered(async (supervisor) => {
      const app = new Hono();
      app.post('/', async (c) => supervisor.fetch(c.req.raw, { parsedBody: await c.req.json() }));
      return app.request(webRequest());
    });
    expect(status).toBe(200);
  });

  test('a stream of anything but bytes is no body', async () => {
    const body = new ReadableStream({ start: (controller) => controller.enqueue('text') });
    const init = { method: 'POST', headers: HEADERS, body, duplex: 'half' as const };
    const { status } = await answered((supervisor) => supervisor.fetch(new Request('http://localhost/', init)));
    expect(status).toBe(400);
  });
});
