/** The `fetch` of the HTTP driver: what the global one would do differently, or not tell. */
import { createServer, type RequestListener } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { freshFetch } from '../../../src/testing/paths/freshFetch.ts';
import { listen } from '../../support/listen.ts';

async function serve(handler: RequestListener): Promise<string> {
  const { url, close } = await listen(createServer(handler));
  onTestFinished(close);
  return url;
}

const post = (url: string) => new Request(url, { method: 'POST', headers: { 'X-Sent': 'yes' }, body: 'a body' });

test('each request has a connection of its own, and says so', async () => {
  const ports: (number | undefined)[] = [];
  const url = await serve(({ socket, headers }, res) => {
    ports.push(socket.remotePort);
    res.end(headers.connection);
  });
  for (let i = 0; i < 3; i++) expect(await (await freshFetch(new Request(url))).text()).toBe('close');
  expect(new Set(ports).size).toBe(3);
});

test('method, headers and body follow a 307 within the origin', async () => {
  const url = await serve(async (req, res) => {
    if (req.url === '/mcp') return void res.writeHead(307, { Location: '/mcp/' }).end();
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    res.end(`${req.method} ${req.url} ${req.headers['x-sent']} ${body}`);
  });
  expect(await (await freshFetch(post(url))).text()).toBe('POST /mcp/ yes a body');
});

test('another origin is not followed', async () => {
  const elsewhere = await serve((_, res) => res.end('what was sent'));
  const url = await serve((_, res) => res.writeHead(307, { Location: elsewhere }).end());
  expect((await freshFetch(post(url))).status).toBe(307);
});

test('redirects in a circle end', async () => {
  const url = await serve((_, res) => res.writeHead(308, { Location: '/mcp' }).end());
  expect((await freshFetch(post(url))).status).toBe(308);
});

test('a body that is cut off rejects its reader', async () => {
  const url = await serve((_, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: the beginning');
    setImmediate(() => res.destroy());
  });
  const response = await freshFetch(new Request(url));
  await expect(response.text()).rejects.toThrow('aborted');
});

test('nobody listens: it rejects; so does an abort, before the answer and in its middle', async () => {
  const aborted = new AbortController();
  const url = await serve((req, res) => {
    if (req.method === 'POST') aborted.abort();
    else res.write('the beginning');
  });
  await expect(freshFetch(new Request('http://127.0.0.1:9/'))).rejects.toThrow('ECONNREFUSED');
  await expect(freshFetch(new Request(post(url), { signal: aborted.signal }))).rejects.toThrow('aborted');
  const middle = new AbortController();
  const response = await freshFetch(new Request(url, { signal: middle.signal }));
  middle.abort();
  await expect(response.text()).rejects.toThrow('aborted');
});

test('an answer without a body', async () => {
  const url = await serve((_, res) => res.writeHead(204, { 'X-Answer': 'yes' }).end());
  const response = await freshFetch(new Request(url));
  expect([response.status, response.body, response.headers.get('x-answer')]).toEqual([204, null, 'yes']);
});
