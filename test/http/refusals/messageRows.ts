/** Refused for what the body says. */
import type { RefusalName } from '../../../src/errors.ts';
import { callBody, initializeBody, post } from '../../support/wire.ts';
import { PING, type Row } from './row.ts';

export const MESSAGE_ROWS = {
  invalidMessage: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: not a JSON-RPC 2.0 message', id: 1 },
    send: ({ url }) => post(url, { id: 1, method: 'initialize' }),
  },
  nestedTooDeep: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: the message is nested too deep' },
    send: ({ url }) => post(url, '['.repeat(501) + ']'.repeat(501)),
  },
  invalidInitialize: {
    ...{ status: 400, code: -32602, message: 'Invalid params: not an initialize request', id: 3 },
    send: ({ url }) => post(url, { jsonrpc: '2.0', id: 3, method: 'initialize', params: {} }),
  },
  batchNotAllowed: {
    ...{ status: 400, code: -32600, id: 'p' },
    message: 'Invalid Request: batches are for clients of protocol version 2025-03-26 only',
    within: true,
    send: ({ url, session }) => post(url, [PING], session),
  },
  batchTooLarge: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: the batch holds too many messages' },
    within: true,
    send: ({ url, session }) => post(url, Array(101).fill({ jsonrpc: '2.0', method: 'x' }), session),
  },
  initializeInBatch: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: an initialize must come alone' },
    send: ({ url }) => post(url, [initializeBody()]),
  },
  alreadyInitialized: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: the session is already initialized', id: 'again' },
    within: true,
    send: ({ url, session }) => post(url, initializeBody({}, 'again'), session),
  },
  duplicateRequestId: {
    ...{ status: 400, code: -32600, message: 'Invalid Request: a request with this id is in flight already', id: 5 },
    within: true,
    send: async ({ url, session, gates }) => {
      const first = post(url, callBody('gate', { key: 'a' }, 5), session);
      await gates.entered('a');
      const second = await post(url, callBody('echo', { text: 'hi' }, 5), session);
      gates.open('a');
      await first;
      return second;
    },
  },
} satisfies Partial<Record<RefusalName, Row>>;
