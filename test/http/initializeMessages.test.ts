/** What a server sends while it answers the initialize: on that answer's own stream, before the result. */
import { describe, expect, test } from 'vitest';
import type { ConnectableServer, SessionSupervisorOptions } from '../../src/options.ts';
import { TestEventStore } from '../support/eventStore.ts';
import { serve } from '../support/serve.ts';
import { call, initializeBody, post } from '../support/wire.ts';

const RESULT = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'talkative', version: '1' } };

const note = (n: number) => ({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: n } });

/** Sends so many notifications that belong to the initialize, then answers it. */
function talkative(count: number, answer: object = { result: RESULT }): ConnectableServer {
  return {
    connect: async (transport) => {
      transport.onmessage = async ({ id, method }: { id?: number; method?: string }) => {
        if (id === undefined) return;
        if (method !== 'initialize') return transport.send({ jsonrpc: '2.0', id, result: {} });
        for (let n = 0; n < count; n++) await transport.send(note(n), { relatedRequestId: id });
        await transport.send({ jsonrpc: '2.0', id, ...answer });
      };
    },
    close: async () => {},
  };
}

describe.each<[string, Partial<SessionSupervisorOptions>]>([
  ['without an event store', {}],
  ['with one', { eventStore: new TestEventStore() }],
])('%s', (_, options) => {
  test('notifications come before the result, in order, on the same stream', async () => {
    const { url } = await serve({ ...options, server: () => talkative(3) });
    const answer = await post(url, initializeBody());
    expect(answer.headers['mcp-session-id']).toBeDefined();
    expect(answer.messages()).toEqual([note(0), note(1), note(2), { jsonrpc: '2.0', id: 0, result: RESULT }]);
    const sessionId = String(answer.headers['mcp-session-id']);
    expect((await call(url, sessionId, 'echo', {}, 0)).messages()).toEqual([{ jsonrpc: '2.0', id: 0, result: {} }]);
  });

  test('however many there are, what waits for the result is bounded, and the result comes', async () => {
    const { url } = await serve({ ...options, server: () => talkative(10_000) });
    const messages = (await post(url, initializeBody())).messages();
    expect(messages.at(-1)).toMatchObject({ id: 0, result: RESULT });
    expect(messages.length).toBe(65);
    expect(messages.slice(0, -1)).toEqual(messages.slice(0, -1).map((_, n) => note(n)));
  });

  test('an error leaves no session, and comes alone', async () => {
    const refuses = () => talkative(3, { error: { code: 1, message: 'no' } });
    const { url, supervisor } = await serve({ ...options, server: refuses });
    const answer = await post(url, initializeBody());
    expect(answer.json()).toEqual({ jsonrpc: '2.0', id: 0, error: { code: 1, message: 'no' } });
    expect(answer.headers).not.toHaveProperty('mcp-session-id');
    expect([...supervisor.sessions()]).toEqual([]);
  });
});

test('in JSON they have no way: they are lost, and the result comes', async () => {
  const { url } = await serve({ enableJsonResponse: true, server: () => talkative(3) });
  const answer = await post(url, initializeBody());
  expect(answer.json()).toEqual({ jsonrpc: '2.0', id: 0, result: RESULT });
});

test('a question that belongs to the initialize is rejected: its answer could not come before the id', async () => {
  const rejected: unknown[] = [];
  const server = talkative(0);
  const asking: ConnectableServer = {
    connect: async (transport) => {
      await server.connect(transport);
      const { onmessage } = transport;
      transport.onmessage = async (message: { id?: number; method?: string }) => {
        const asked = { jsonrpc: '2.0', id: 'q', method: 'roots/list' };
        await transport.send(asked, { relatedRequestId: message.id }).catch((error: unknown) => rejected.push(error));
        await onmessage(message);
      };
    },
    close: () => server.close(),
  };
  const { url } = await serve({ server: () => asking });
  expect((await post(url, initializeBody())).messages()).toEqual([{ jsonrpc: '2.0', id: 0, result: RESULT }]);
  expect(rejected).toMatchObject([{ code: 'NO_STREAM' }]);
});
