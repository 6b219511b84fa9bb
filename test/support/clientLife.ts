/** A whole session as the SDK's own client lives it: what every way of hosting the supervisor has to carry. */
import {
  CreateMessageRequestSchema,
  LoggingMessageNotificationSchema,
  type Progress,
} from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { connectClient } from './client.ts';
import type { Served } from './serve.ts';
import { until } from './until.ts';
import { call } from './wire.ts';

/** Initialize, GET stream, list, call, progress, sampling, a standalone notification, DELETE, and the 404 after it. */
export async function expectClientLife({ url, supervisor, events }: Served): Promise<void> {
  const logged: unknown[] = [];
  const {
    client,
    transport,
    sessionId,
    call: callTool,
  } = await connectClient(url, {
    capabilities: { sampling: {} },
    prepare: (preparing) => {
      preparing.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
        logged.push(params.data);
      });
      preparing.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
        model: 'a model',
        role: 'assistant',
        content: { type: 'text', text: `${params.messages.length} message sampled` },
      }));
    },
  });
  expect(sessionId).not.toBe('');
  expect(supervisor.session(sessionId)?.clientInfo).toEqual({ name: 'test-client', version: '1.0.0' });
  await until(() => supervisor.session(sessionId)?.openStreams === 1, { what: 'the GET stream to open' });

  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain('echo');
  expect(await callTool('echo', { text: 'häh? 🚀' })).toBe('häh? 🚀');

  const progress: Progress[] = [];
  const onprogress = (step: Progress) => progress.push(step);
  await client.callTool({ name: 'progress', arguments: { steps: 3 } }, undefined, { onprogress });
  expect(progress.map((step) => step.progress)).toEqual([1, 2, 3]);

  expect(await callTool('sample', { prompt: 'Well?' })).toBe('1 message sampled');

  await callTool('notifyStandalone', { text: 'over the GET stream' });
  await until(() => logged.length > 0, { what: 'the notification on the GET stream' });
  expect(logged).toEqual(['over the GET stream']);

  await transport.terminateSession();
  expect(supervisor.session(sessionId)).toBeUndefined();
  expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'deleted', session: { id: sessionId } });
  const late = await call(url, sessionId, 'echo', { text: 'too late' });
  expect(late.status).toBe(404);
  expect(late.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' } });
}
