/** The command's HTTP server at its end: whoever got through to it before gets an answer. */
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Endpoint } from '../../src/cli/endpoint.ts';
import { until, withTimeout } from '../support/until.ts';

test('a request on a connection that was made before the end is answered, and is the last one there', async () => {
  const endpoint = new Endpoint({
    path: '/mcp',
    requestBodyTimeout: undefined,
    httpKeepAliveTimeout: undefined,
    log: () => {},
  });
  const { port } = await endpoint.listen('127.0.0.1', 0);
  const handler = (_req: unknown, res: { writeHead(status: number): { end(): void } }) => res.writeHead(503).end();
  endpoint.serve(handler as never, () => {});
  const ask = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n';
  const socket = connect(port, '127.0.0.1');
  let answers = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answers += text;
  });
  socket.write(ask);
  await until(() => answers.includes('\r\n\r\n'), { what: 'the first answer' });
  expect(answers).toContain('Connection: keep-alive');

  const fresh = connect(port, '127.0.0.1');
  let last = '';
  fresh.setEncoding('utf8').on('data', (text: string) => {
    last += text;
  });
  await withTimeout(new Promise((resolve) => fresh.once('connect', resolve)));
  // Node accepts one in a turn: most of these stand in the queue when it is to close.
  const queued = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
  const statuses = queued.map(
    (one) =>
      new Promise<string>((resolve) => {
        one.setEncoding('utf8').once('data', (text: string) => resolve(text.slice(0, 12)));
        one.once('close', () => resolve('cut off'));
        one.on('error', () => {});
        one.write(ask);
      }),
  );
  await Promise.all(queued.map((one) => withTimeout(new Promise((resolve) => one.once('connect', resolve)))));
  const closed = endpoint.close();
  fresh.write(ask);
  answers = '';
  socket.write(ask);
  await withTimeout(closed, { what: 'the endpoint to close' });
  await until(() => last !== '' && answers !== '', { what: 'the last answers' });
  expect(new Set(await Promise.all(statuses))).toEqual(new Set(['HTTP/1.1 503']));
  for (const answer of [last, answers]) {
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('Connection: close');
  }
});

/** An endpoint that has a call and a stream which nobody has answered yet. */
async function withCall() {
  const endpoint = new Endpoint({
    path: '/mcp',
    requestBodyTimeout: undefined,
    httpKeepAliveTimeout: undefined,
    log: () => {},
  });
  const { port } = await endpoint.listen('127.0.0.1', 0);
  const responses: ServerResponse[] = [];
  endpoint.serve(
    (_, response) => void responses.push(response),
    () => {},
  );
  const ask = (method: string) =>
    fetch(`http://127.0.0.1:${port}/mcp`, { method }).then(
      ({ status }) => status,
      () => 'cut off',
    );
  const call = ask('POST');
  await until(() => responses.length === 1);
  const stream = ask('GET');
  await until(() => responses.length === 2);
  return { endpoint, call, stream, response: responses[0] as ServerResponse };
}

test('calls that another node answers may take what is left of the time, and nothing else may', async () => {
  const { endpoint, call, stream, response } = await withCall();
  const closing = endpoint.close(10_000);
  expect(await withTimeout(stream, { what: 'the stream to be ended' })).toBe('cut off');
  response.writeHead(200).end();
  expect(await call).toBe(200);
  expect(await withTimeout(closing, { what: 'the endpoint to close with its last call' })).toEqual([]);
});

test('calls that take longer are cut off, and told', async () => {
  const { endpoint, call, response } = await withCall();
  expect(await withTimeout(endpoint.close(1_200), { what: 'the endpoint to close' })).toEqual([response]);
  expect(await call).toBe('cut off');
});
