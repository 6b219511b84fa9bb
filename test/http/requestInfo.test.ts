/** What a handler is told of its request can be spread, copied and logged, on both adapters. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { expect, test } from 'vitest';
import { serve, supervise } from '../support/serve.ts';
import { callBody, initialize, initializeBody, parseSse, post } from '../support/wire.ts';

/** A server whose one tool says what its requestInfo looks like from outside. */
function telling(): McpServer {
  const server = new McpServer({ name: 'telling', version: '1.0.0' });
  server.registerTool('tell', {}, ({ requestInfo }) => {
    const copy = { ...requestInfo };
    const [once, again] = [requestInfo?.url, requestInfo?.url];
    const json = JSON.parse(JSON.stringify(requestInfo));
    const text = JSON.stringify({
      keys: Object.keys(requestInfo ?? {}),
      copied: { header: copy.headers?.['x-test'], url: String(copy.url) },
      logged: { header: json.headers['x-test'], url: json.url },
      same: once === again,
    });
    return { content: [{ type: 'text', text }] };
  });
  return server;
}

const expected = (url: string) => ({
  keys: ['headers', 'url'],
  copied: { header: 'yes', url },
  logged: { header: 'yes', url },
  same: true,
});

const textOf = (message: unknown) =>
  JSON.parse((message as { result: { content: { text: string }[] } }).result.content[0]?.text ?? '');

test('on Node', async () => {
  const { url } = await serve({ server: telling });
  const { headers } = await initialize(url);
  const answer = await post(url, callBody('tell'), { ...headers, 'x-test': 'yes' });
  expect(textOf(answer.messages().at(-1))).toEqual(expected(url));
});

test('over fetch', async () => {
  const { supervisor, stop } = supervise({ server: telling });
  const send = async (body: unknown, more: Record<string, string> = {}) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...more };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return supervisor.fetch(new Request('http://localhost/mcp', init));
  };
  const opened = await send(initializeBody());
  await opened.text();
  const told = await send(callBody('tell'), {
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
    'x-test': 'yes',
  });
  const { data = '' } = parseSse(await told.text()).at(-1) ?? {};
  expect(textOf(JSON.parse(data))).toEqual(expected('http://localhost/mcp'));
  await stop();
});
