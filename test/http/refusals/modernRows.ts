/** Refused for being of 2026-07-28, or for how many of those there are. */
import type { RefusalName } from '../../../src/errors.ts';
import { META, modernBody, modernHeaders } from '../../modern/modernServer.ts';
import { until } from '../../support/until.ts';
import { callBody, post } from '../../support/wire.ts';
import { type Answer, never, RETRY, type Row, type Sender } from './row.ts';

const LIST = modernBody('tools/list', {}, 'l');

/** Sends a second request while the server of a first one is being built. */
async function second({ url, supervisor }: Sender): Promise<Answer> {
  post(url, LIST, modernHeaders(LIST)).catch(() => {}); // it ends with the test
  await until(() => supervisor.stats().servers.starting === 1, { what: 'a server to be built' });
  return post(url, LIST, modernHeaders(LIST));
}

export const MODERN_ROWS = {
  modernRefused: {
    ...{ status: 400, code: -32000, id: 'l' },
    message: 'Unsupported protocol version: this server speaks 2025-11-25 and older, in sessions',
    send: ({ url }) => post(url, LIST, modernHeaders(LIST)),
  },
  headerMismatch: {
    ...{ status: 400, code: -32020, id: 5 },
    message: 'Header mismatch: the body claims a protocol version that the MCP-Protocol-Version header does not name',
    within: true,
    send: ({ url, session }) => {
      const { params, ...body } = callBody('echo', { text: 'a' }, 5);
      return post(url, { ...body, params: { ...params, _meta: META } }, session);
    },
  },
  listenTooLarge: {
    ...{ status: 413, code: -32000, id: 'large', options: { modern: 'serve' } },
    message: 'Payload Too Large: the request to listen is larger than this server takes',
    send: ({ url }) => {
      const body = modernBody('subscriptions/listen', { notifications: {} }, 'large');
      return post(url, JSON.stringify(body).padEnd(65_537), modernHeaders(body));
    },
  },
  tooManyModern: {
    ...{ status: 503, code: -32000, headers: RETRY },
    message: 'Service Unavailable: too many requests are being served',
    options: { modern: 'serve', maxModernRequests: 1, server: never },
    send: second,
  },
  modernPrincipalFull: {
    ...{ status: 429, code: -32000, headers: RETRY },
    message: 'Too Many Requests: too many requests of this principal are being served',
    options: { modern: 'serve', maxModernRequestsPerPrincipal: 1, server: never },
    send: second,
  },
} satisfies Partial<Record<RefusalName, Row>>;
