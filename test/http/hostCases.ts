/**
 * What every host of a supervisor has to answer, as a table: the same requests over node:http, over `supervisor.fetch`
 * and behind whatever framework calls either. Data and a runner, nothing of any test runner. The endpoint may serve any
 * MCP server: the cases use `ping` alone, and prove by the id of its answer that the body came through unhurt.
 */
import { encoder, type HostCase, INITIALIZE, ping } from './hostCase.ts';

export { type HostCase, type HostInit, type HostSend, runCase } from './hostCase.ts';

/** The origin that `cors` has to name for the cases of its kind. */
export const CORS_ORIGIN = 'https://app.example';

const ALL_WIDTHS = 'aü€𝄞'; // one to four bytes each in UTF-8
const MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function utf16(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...text].flatMap((c) => [c.charCodeAt(0) & 0xff, c.charCodeAt(0) >> 8]));
}

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const singleBytes = (bytes: Uint8Array) => Array.from(bytes, (byte) => Uint8Array.of(byte));

/** Bodies: whole, in pieces, empty, and in encodings that JSON is not in. */
const BODIES: readonly HostCase[] = [
  { name: 'a call', body: ping(), answer: { status: 200, id: 1 } },
  { name: 'a call with text of every width', body: ping(ALL_WIDTHS), answer: { status: 200, id: ALL_WIDTHS } },
  {
    name: 'a body that is cut within its characters',
    body: singleBytes(encoder.encode(ping(ALL_WIDTHS))),
    answer: { status: 200, id: ALL_WIDTHS },
  },
  {
    name: 'a content type with a charset',
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: ping(),
    answer: { status: 200, id: 1 },
  },
  {
    name: 'a byte order mark',
    only: 'unread',
    body: joined(MARK, encoder.encode(ping())),
    answer: { status: 200, id: 1 },
  },
  {
    name: 'a byte order mark in pieces',
    only: 'unread',
    body: singleBytes(joined(MARK, encoder.encode(ping()))),
    answer: { status: 200, id: 1 },
  },
  {
    name: 'two byte order marks',
    only: 'unread',
    body: joined(MARK, MARK, encoder.encode(ping())),
    answer: { status: 400, id: null, code: -32700 },
  },
  { name: 'an initialize', first: true, body: INITIALIZE, answer: { status: 200, id: 'first' } },
  {
    name: 'an initialize with a byte order mark',
    only: 'unread',
    first: true,
    body: joined(MARK, encoder.encode(INITIALIZE)),
    answer: { status: 200, id: 'first' },
  },
  { name: 'an empty body', only: 'unread', body: '', answer: { status: 400, id: null, code: -32700 } },
  { name: 'no body', only: 'unread', answer: { status: 400, id: null, code: -32700 } },
  { name: 'white space', only: 'unread', body: ' \n', answer: { status: 400, id: null, code: -32700 } },
  { name: 'half a body', only: 'unread', body: ping().slice(0, 9), answer: { status: 400, id: null, code: -32700 } },
  { name: 'Latin-1', only: 'unread', body: latin1(ping('caf\xe9')), answer: { status: 400, id: null, code: -32700 } },
  { name: 'UTF-16', only: 'unread', body: utf16(ping()), answer: { status: 400, id: null, code: -32700 } },
  {
    name: 'a character that is cut off',
    only: 'unread',
    body: joined(encoder.encode(ping()), Uint8Array.of(0xe2, 0x82)),
    answer: { status: 400, id: null, code: -32700 },
  },
  {
    name: 'an encoded body',
    only: 'unread',
    headers: { 'Content-Encoding': 'gzip' },
    body: Uint8Array.of(0x1f, 0x8b, 8, 0),
    answer: { status: 415, id: null, code: -32000 },
  },
  { name: 'a body that is null', only: 'unread', body: 'null', answer: { status: 400, id: null, code: -32600 } },
  { name: 'a body that is a list', body: '[]', answer: { status: 400, id: null, code: -32600 } },
  { name: 'a body that is no message', body: '{}', answer: { status: 400, id: null, code: -32600 } },
  {
    name: 'a malformed request whose id can be read',
    body: '{"jsonrpc":"1.0","id":"readable","method":"ping"}',
    answer: { status: 400, id: 'readable', code: -32600 },
  },
  {
    name: 'a malformed response, whose id is another matter',
    body: '{"jsonrpc":"2.0","id":"response","result":1}',
    answer: { status: 400, id: null, code: -32600 },
  },
  {
    name: 'an initialize beyond 64 KiB',
    first: true,
    body: INITIALIZE.replace('host case', 'x'.repeat(65_536)),
    answer: { status: 413, id: 'first', code: -32000 },
  },
  {
    name: 'a notification',
    body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    answer: { status: 202, empty: true },
  },
];

/** Methods and headers. */
const HEADS: readonly HostCase[] = [
  {
    name: 'headers in capitals',
    headers: { 'CONTENT-TYPE': 'application/json', ACCEPT: 'application/json, text/event-stream' },
    body: ping(),
    answer: { status: 200, id: 1 },
  },
  {
    name: 'values in capitals',
    headers: { 'Content-Type': 'Application/JSON', Accept: 'Application/JSON, Text/Event-Stream' },
    body: ping(),
    answer: { status: 200, id: 1 },
  },
  { name: 'an Accept of anything', headers: { Accept: '*/*' }, body: ping(), answer: { status: 200, id: 1 } },
  {
    name: 'an Accept that leaves out streams',
    headers: { Accept: 'application/json' },
    body: ping(),
    answer: { status: 406, id: null, code: -32000 },
  },
  {
    name: 'no content type',
    only: 'unread',
    headers: { 'Content-Type': undefined },
    body: encoder.encode(ping()),
    answer: { status: 415, id: null, code: -32000 },
  },
  {
    name: 'an unknown session',
    headers: { 'Mcp-Session-Id': 'unknown' },
    body: ping(),
    answer: { status: 404, id: null, code: -32001 },
  },
  { name: 'no session', first: true, body: ping('lost'), answer: { status: 400, id: 'lost', code: -32000 } },
  {
    name: 'an unknown version',
    headers: { 'MCP-Protocol-Version': '1999-12-31' },
    body: ping(),
    answer: { status: 400, id: null, code: -32000 },
  },
  {
    name: 'an empty session id',
    first: true,
    headers: { 'Mcp-Session-Id': '' },
    body: INITIALIZE,
    answer: { status: 200, id: 'first' },
  },
  {
    name: 'an unknown version on an initialize',
    first: true,
    headers: { 'MCP-Protocol-Version': '2099-01-01' },
    body: INITIALIZE,
    answer: { status: 200, id: 'first' },
  },
  {
    name: 'an unknown version without a session',
    first: true,
    headers: { 'MCP-Protocol-Version': '1999-12-31' },
    body: ping('lost'),
    answer: { status: 400, id: 'lost', code: -32000 },
  },
  { name: 'DELETE', method: 'DELETE', headers: { 'Content-Type': undefined }, answer: { status: 200, empty: true } },
  { name: 'DELETE with a content type and no body', method: 'DELETE', answer: { status: 200, empty: true } },
  { name: 'DELETE with a body', method: 'DELETE', only: 'unread', body: '{}', answer: { status: 200, empty: true } },
  { name: 'DELETE without a session', method: 'DELETE', first: true, answer: { status: 400, id: null, code: -32000 } },
  {
    name: 'HEAD',
    method: 'HEAD',
    answer: { status: 405, empty: true, headers: { allow: 'GET, POST, DELETE' } },
  },
  {
    name: 'PUT',
    method: 'PUT',
    body: ping(),
    answer: { status: 405, id: null, code: -32000, headers: { allow: 'GET, POST, DELETE' } },
  },
];

/** Endpoints with an option of their own. */
const OPTIONS: readonly HostCase[] = [
  {
    name: 'a call that is answered in JSON',
    only: 'json',
    body: ping(),
    answer: { status: 200, id: 1, headers: { 'content-type': 'application/json' } },
  },
  {
    name: 'JSON from one who accepts nothing else',
    only: 'json',
    headers: { Accept: 'application/json' },
    body: ping(),
    answer: { status: 200, id: 1 },
  },
  {
    name: 'JSON for one who accepts streams alone',
    only: 'json',
    headers: { Accept: 'text/event-stream' },
    body: ping(),
    answer: { status: 406, id: null, code: -32000 },
  },
  {
    name: 'a preflight',
    method: 'OPTIONS',
    only: 'cors',
    headers: { Origin: CORS_ORIGIN, 'Access-Control-Request-Method': 'POST', 'Mcp-Session-Id': undefined },
    answer: { status: 204, empty: true, headers: { 'access-control-allow-origin': CORS_ORIGIN } },
  },
  {
    name: 'a call from another origin',
    only: 'cors',
    headers: { Origin: CORS_ORIGIN },
    body: ping(),
    answer: { status: 200, id: 1, headers: { 'access-control-expose-headers': 'Mcp-Session-Id' } },
  },
];

/** Clients that leave. Their session is as it was. */
const LEAVERS: readonly HostCase[] = [
  { name: 'a client that leaves a stream', method: 'GET', leaves: 'answer', answer: { status: 200 } },
  {
    name: 'a client that leaves in the midst of its body',
    body: [encoder.encode(ping().slice(0, 9))],
    leaves: 'body',
  },
];

export const HOST_CASES: readonly HostCase[] = [...BODIES, ...HEADS, ...OPTIONS, ...LEAVERS];
