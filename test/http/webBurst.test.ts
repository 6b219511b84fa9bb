/** A burst over `supervisor.fetch`: what is sent within one turn of the event loop waits for its reader, and is not lost. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import type { SessionTransport } from '../../src/transport/sessionTransport.ts';
import { supervise } from '../support/serve.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'web', version: '1' } },
};

/** A server that answers a call with twenty notifications and the result, all in one turn. */
function burstingServer() {
  let transport: SessionTransport;
  return {
    async connect(to: SessionTransport) {
      transport = to;
      to.onmessage = (message: JSONRPCMessage) => {
        if (!('method' in message) || !('id' in message)) return;
        const { id, method } = message;
        if (method === 'initialize') {
          const result = {
            protocolVersion: '2025-11-25',
            capabilities: {},
            serverInfo: { name: 'burst', version: '1' },
          };
          return void to.send({ jsonrpc: '2.0', id, result });
        }
        const params = { level: 'info', data: 'x'.repeat(200) };
        for (let n = 0; n < 20; n++) {
          void to.send({ jsonrpc: '2.0', method: 'notifications/message', params }, { relatedRequestId: id });
        }
        void to.send({ jsonrpc: '2.0', id, result: {} });
      };
      await to.start();
    },
    close: () => transport.close(),
  };
}

test('twenty notifications and the result arrive, though together they are far more than maxStreamBuffer', async () => {
  const { supervisor } = supervise({ server: burstingServer, maxStreamBuffer: 1_000 });
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    supervisor.fetch(
      new Request('http://127.0.0.1/mcp', {
        method: 'POST',
        headers: { ...HEADERS, ...headers },
        body: JSON.stringify(body),
      }),
    );
  const initialized = await post(INITIALIZE);
  await initialized.text();
  const id = String(initialized.headers.get('mcp-session-id'));
  const answer = await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { 'mcp-session-id': id });
  const messages = [...(await answer.text()).matchAll(/^data: (.+)$/gm)].map(([, json]) => JSON.parse(String(json)));

  expect(messages.filter(({ method }) => method === 'notifications/message')).toHaveLength(20);
  expect(messages.at(-1)).toMatchObject({ id: 1, result: {} });
  await supervisor.drain();
});
