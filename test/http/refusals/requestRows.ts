/** Refused by method, headers and principal: a row for each, of the table that refusals.test.ts runs. */
import type { RefusalName } from '../../../src/errors.ts';
import { del, exchange, get, initializeBody, post } from '../../support/wire.ts';
import { PING, type Row } from './row.ts';

export const REQUEST_ROWS = {
  hostNotAllowed: {
    ...{ status: 403, code: -32000, message: 'Host not allowed' },
    options: { allowedHosts: ['mcp.example'] },
    send: ({ url }) => post(url, initializeBody()),
  },
  originNotAllowed: {
    ...{ status: 403, code: -32000, message: 'Origin not allowed' },
    options: { allowedOrigins: ['https://app.example'] },
    send: ({ url }) => post(url, initializeBody(), { origin: 'https://evil.example' }),
  },
  methodNotAllowed: {
    ...{ status: 405, code: -32000, message: 'Method not allowed', headers: { allow: 'GET, POST, DELETE' } },
    send: ({ url }) => exchange('PUT', url, {}, initializeBody()),
  },
  postOnly: {
    ...{ status: 405, code: -32000, message: 'Method not allowed', headers: { allow: 'POST' } },
    options: { stateless: true },
    send: ({ url }) => del(url),
  },
  notAcceptable: {
    ...{ status: 406, code: -32000 },
    message: 'Not Acceptable: a POST must accept both application/json and text/event-stream',
    send: ({ url }) => post(url, initializeBody(), { accept: 'application/json' }),
  },
  jsonNotAcceptable: {
    ...{ status: 406, code: -32000, message: 'Not Acceptable: a POST must accept application/json' },
    options: { enableJsonResponse: true },
    send: ({ url }) => post(url, initializeBody(), { accept: 'text/event-stream' }),
  },
  streamNotAcceptable: {
    ...{ status: 406, code: -32000, message: 'Not Acceptable: a GET must accept text/event-stream' },
    within: true,
    send: ({ url, session }) => get(url, { ...session, accept: 'application/json' }),
  },
  unsupportedMediaType: {
    ...{ status: 415, code: -32000 },
    message: 'Unsupported Media Type: the content type must be application/json',
    send: ({ url }) => post(url, initializeBody(), { 'content-type': 'text/plain' }),
  },
  unsupportedEncoding: {
    ...{ status: 415, code: -32000, headers: { 'accept-encoding': 'identity' } },
    message: 'Unsupported Media Type: the body must be plain UTF-8 (no Content-Encoding)',
    send: ({ url }) => post(url, initializeBody(), { 'content-encoding': 'gzip' }),
  },
  unsupportedVersion: {
    ...{ status: 400, code: -32000, message: 'Unsupported protocol version' },
    within: true,
    send: ({ url, session }) => post(url, PING, { ...session, 'mcp-protocol-version': '1999-12-31' }),
  },
  principalFailed: {
    ...{ status: 403, code: -32000, message: 'Forbidden' },
    options: { principal: () => Promise.resolve('ada') as never },
    send: ({ url }) => post(url, initializeBody()),
  },
} satisfies Partial<Record<RefusalName, Row>>;
