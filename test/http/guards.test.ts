/** What is refused by method and headers alone, row by row, without a socket. */
import { describe, expect, test } from 'vitest';
import type { RefusalName } from '../../src/errors.ts';
import { guard, single } from '../../src/http/guards.ts';
import type { Exchange, RequestHeaders } from '../../src/transport/exchange.ts';

type Policy = Parameters<typeof guard>[1];

const OPEN: Policy = {
  allowedHosts: undefined,
  allowedOrigins: undefined,
  stateless: false,
  enableJsonResponse: false,
  maxRequestBodySize: 100,
  modern: 'refuse',
};

const POST: RequestHeaders = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const SESSION = { 'mcp-session-id': 'a' };

interface Request {
  readonly method?: string;
  readonly headers?: RequestHeaders;
  readonly hosts?: readonly string[];
  readonly parsedBody?: unknown;
}

function judge({ method = 'POST', headers = {}, hosts = ['a.example'], parsedBody }: Request, policy = {}) {
  const all = method === 'POST' ? { ...POST, ...headers } : headers;
  return guard({ method, headers: all, hosts, parsedBody } as unknown as Exchange, { ...OPEN, ...policy });
}

type Row = readonly [Request, RefusalName | undefined, Partial<Policy>?];

const accept = (value: string | undefined): Request => ({ headers: { accept: value } });
const type = (value: string | string[] | undefined): Request => ({ headers: { 'content-type': value } });
const version = (value: string, more: RequestHeaders = {}): Request => ({
  headers: { 'mcp-protocol-version': value, ...more },
});

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'the host': [
    [{}, undefined, { allowedHosts: ['A.example'] }],
    [{ hosts: ['A.EXAMPLE:8080'] }, undefined, { allowedHosts: ['a.example'] }],
    [{ hosts: ['a.example:8080'] }, undefined, { allowedHosts: ['a.example:8080'] }],
    [{ hosts: ['a.example:8081'] }, 'hostNotAllowed', { allowedHosts: ['a.example:8080'] }],
    [{ hosts: ['b.example'] }, 'hostNotAllowed', { allowedHosts: ['a.example'] }],
    [{ hosts: ['a.example', 'b.example'] }, 'hostNotAllowed', { allowedHosts: ['a.example'] }],
    [{ hosts: ['b.example', 'a.example'] }, undefined, { allowedHosts: ['a.example', 'b.example'] }],
    [{ hosts: [] }, 'hostNotAllowed', { allowedHosts: ['a.example'] }],
  ],
  'the origin': [
    [{}, undefined, { allowedOrigins: ['https://a.example'] }],
    [{ headers: { origin: 'https://a.example' } }, undefined, { allowedOrigins: ['https://a.example'] }],
    [{ headers: { origin: 'https://b.example' } }, 'originNotAllowed', { allowedOrigins: ['https://a.example'] }],
    [{ headers: { origin: ['https://a.example'] } }, 'originNotAllowed', { allowedOrigins: ['https://a.example'] }],
  ],
  'the method': [
    [{ method: 'PUT' }, 'methodNotAllowed'],
    [{ method: 'DELETE' }, undefined],
    [{ method: 'GET', headers: { accept: 'text/event-stream' } }, undefined],
    [{ method: 'GET', headers: { accept: 'application/json' } }, 'streamNotAcceptable'],
    [{ method: 'GET' }, 'streamNotAcceptable'],
    [{ method: 'GET', headers: { accept: 'text/event-stream' } }, 'postOnly', { stateless: true }],
    [{ method: 'DELETE' }, 'postOnly', { stateless: true }],
    [{}, undefined, { stateless: true }],
  ],
  'what a POST accepts': [
    [accept('text/event-stream;q=0.5 , APPLICATION/json'), undefined],
    [accept('*/*'), undefined],
    [accept('text/*, application/*'), undefined],
    [accept('application/json'), 'notAcceptable'],
    [accept('text/event-stream'), 'notAcceptable'],
    [accept(undefined), 'notAcceptable'],
    [accept('undefined'), 'notAcceptable'],
    [accept('application/json, text/event-stream;q=0'), 'notAcceptable'],
    [accept('application/json;q=0.00, text/event-stream'), 'notAcceptable'],
    [accept('application/json;q=0.01, text/event-stream'), undefined],
    [accept('application/json;xq=0, text/event-stream'), undefined],
    [accept('application/json'), undefined, { enableJsonResponse: true }],
    [{}, undefined, { enableJsonResponse: true }],
    [accept('text/event-stream'), 'jsonNotAcceptable', { enableJsonResponse: true }],
    [accept('application/json;q=0'), 'jsonNotAcceptable', { enableJsonResponse: true }],
  ],
  'what a POST is': [
    [type('application/json; charset=utf-8'), undefined],
    [type(' Application/JSON ;charset=utf-8'), undefined],
    [type('Application/JSON'), undefined],
    [type('application/json, text/plain'), 'unsupportedMediaType'],
    [type('x-application/json'), 'unsupportedMediaType'],
    [type('application/jsonp'), 'unsupportedMediaType'],
    [type('text/plain'), 'unsupportedMediaType'],
    [type(['application/json']), 'unsupportedMediaType'],
    [type(undefined), 'unsupportedMediaType'],
    [{ headers: { 'content-encoding': 'gzip' } }, 'unsupportedEncoding'],
    [{ headers: { 'content-encoding': 'gzip' }, parsedBody: {} }, undefined],
    [{ headers: { 'content-encoding': 'identity' } }, undefined],
    [{ headers: { 'content-length': '100' } }, undefined],
    [{ headers: { 'content-length': '101' } }, 'bodyTooLarge'],
  ],
  'the version': [
    [version('2025-11-25', SESSION), undefined],
    [version('1999-01-01', SESSION), 'unsupportedVersion'],
    [version('1999-01-01', { 'mcp-session-id': ['a', 'b'] }), 'unsupportedVersion'],
    [version('1999-01-01'), undefined], // its body is judged first
    [version('1999-01-01', { 'mcp-session-id': '' }), undefined],
    [version('1999-01-01', SESSION), undefined, { stateless: true }],
    [{ ...version('1999-01-01', SESSION), method: 'DELETE' }, 'unsupportedVersion'],
  ],
};

describe.each(Object.entries(ROWS))('%s', (_, rows) => {
  test.each(rows.map(([request, refusal, policy]) => ({ request, refusal, policy })))(
    '$request: $refusal, where $policy',
    ({ request, refusal, policy }) => {
      expect(judge(request, policy)).toBe(refusal);
    },
  );
});

test.each([
  [undefined, undefined],
  ['', undefined],
  ['a', 'a'],
  [['a'], 'a'],
  [['a', 'b'], null],
  [[], null],
])('of a header that must come once, %j is %j', (value, found) => {
  expect(single({ name: value }, 'name')).toBe(found);
});
