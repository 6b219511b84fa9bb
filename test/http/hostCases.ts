/**
 * What every host of a supervisor has to answer, as a table: the same requests over node:http, over `supervisor.fetch`
 * and behind whatever framework calls either. Data and a runner, nothing of any test runner. The endpoint may serve any
 * MCP server: the cases use `ping` alone, and prove by the id of its answer that the body came through unhurt.
 */

/** A request as `send` gets it; what `fetch` takes as well. */
export interface HostInit {
  readonly method: string;
  /** As they are written; `fetch` makes their names lower-case. */
  readonly headers: [string, string][];
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** For a body that is a stream. */
  readonly duplex?: 'half';
  readonly signal?: AbortSignal;
}

/** Sends one request: `fetch`, or what does the same without a socket. */
export type HostSend = (url: string, init: HostInit) => Promise<Response>;

export interface HostCase {
  readonly name: string;
  /** Default POST. */
  readonly method?: string;
  /** In place of the usual header of the same name, whatever its case; `undefined` leaves that out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Text goes out as UTF-8, a list piece by piece, in chunks. */
  readonly body?: string | Uint8Array<ArrayBuffer> | readonly Uint8Array<ArrayBuffer>[];
  /** As a first request; default: within a session. */
  readonly first?: true;
  /** The client leaves: before its body is whole, or when the head of the answer is there. */
  readonly leaves?: 'body' | 'answer';
  /**
   * For endpoints of one kind. `unread`: nobody before the handler reads bodies; a parser answers such a case itself, or
   * makes it another. `json`: the option `enableJsonResponse`. `cors`: the option `cors` names `CORS_ORIGIN`.
   */
  readonly only?: 'unread' | 'json' | 'cors';
  /** Nothing is expected of the answer to one who has left. */
  readonly answer?: HostAnswer;
}

/** The origin that `cors` has to name for the cases of its kind. */
export const CORS_ORIGIN = 'https://app.example';

export interface HostAnswer {
  readonly status: number;
  /** The id of the answer's last message. */
  readonly id?: string | number | null;
  /** The code of its error; none means a result. */
  readonly code?: number;
  /** Headers that the answer has, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** It has no body at all. */
  readonly empty?: true;
}

const encoder = new TextEncoder();
const ping = (id: string | number = 1) => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
const ALL_WIDTHS = 'aü€𝄞'; // one to four bytes each in UTF-8
const MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 'first',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'host case', version: '1.0.0' } },
});

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

const USUAL: Readonly<Record<string, string>> = {
  Accept: 'application/json, text/event-stream',
  'Content-Type': 'application/json',
};

/** Later ones replace earlier ones of the same name, whatever its case. */
function headerList(...layers: readonly Readonly<Record<string, string | undefined>>[]): [string, string][] {
  const list = new Map<string, [string, string]>();
  for (const [name, value] of layers.flatMap((layer) => Object.entries(layer))) {
    if (value === undefined) list.delete(name.toLowerCase());
    else list.set(name.toLowerCase(), [name, value]);
  }
  return [...list.values()];
}

/** A body, and what fetch wants to be told of it. With `open` it does not end. */
function bodyOf(body: HostCase['body'], open = false): Pick<HostInit, 'body' | 'duplex'> {
  if (body === undefined) return {};
  if (typeof body === 'string') return { body: encoder.encode(body) };
  if (body instanceof Uint8Array) return { body };
  const pieces = [...body];
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = pieces.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (!open) controller.close();
      else return new Promise<void>(() => {}); // the rest never comes
      return;
    },
  });
  return { body: stream, duplex: 'half' };
}

/**
 * Runs one case on an endpoint, in a session of its own. Resolves to what is not as it has to be, a line each; to none
 * when all is well. Rejects only when no session can be opened, or `send` rejects.
 */
export async function runCase(hostCase: HostCase, send: HostSend, url: string): Promise<string[]> {
  const session = hostCase.first === true ? {} : await open(send, url);
  const abort = new AbortController();
  const { leaves, method = 'POST', answer: expected } = hostCase;
  const answering = send(url, {
    method,
    headers: headerList(USUAL, session, hostCase.headers ?? {}),
    ...bodyOf(hostCase.body, leaves === 'body'),
    ...(leaves !== undefined && { signal: abort.signal }),
  });
  const wrong: string[] = [];
  if (leaves === 'body') {
    // What the client sees of its own leaving is no matter: only what it leaves behind.
    setTimeout(() => abort.abort(), 0);
    await answering.then((answer) => answer.body?.cancel()).catch(() => {});
  } else {
    const answer = await answering;
    if (leaves === 'answer') {
      if (answer.status !== expected?.status) wrong.push(`status ${answer.status}, not ${expected?.status}`);
      const ended = answer.text().then(
        () => wrong.push('the answer that was left reads as whole'),
        () => {},
      );
      abort.abort();
      await ended;
    } else if (expected !== undefined) {
      wrong.push(...(await differences(answer, expected)));
    }
  }
  if (hostCase.first !== true) wrong.push(...(await close(hostCase, session, send, url)));
  return wrong;
}

/** Opens a session. Resolves to the headers that name it. */
async function open(send: HostSend, url: string): Promise<Record<string, string>> {
  const answer = await send(url, { method: 'POST', headers: headerList(USUAL), ...bodyOf(INITIALIZE) });
  const text = await answer.text();
  const id = answer.headers.get('mcp-session-id');
  if (id === null) throw new Error(`No session: status ${answer.status}, ${text}`);
  return { 'Mcp-Session-Id': id, 'MCP-Protocol-Version': '2025-11-25' };
}

/** The session goes on, whatever the case did in it, until it is deleted: once. */
async function close(
  { method, answer }: HostCase,
  session: Record<string, string>,
  send: HostSend,
  url: string,
): Promise<string[]> {
  const ended = method === 'DELETE' && answer?.status === 200;
  const after = await send(url, { method: 'POST', headers: headerList(USUAL, session), ...bodyOf(ping('after')) });
  const text = await after.text();
  if (after.status !== (ended ? 404 : 200)) return [`afterwards: status ${after.status}, ${text}`];
  if (ended) return [];
  const gone = await send(url, { method: 'DELETE', headers: headerList(session) });
  await gone.text();
  return gone.status === 200 ? [] : [`at the end: status ${gone.status}`];
}

async function differences(answer: Response, expected: HostAnswer): Promise<string[]> {
  const text = await answer.text();
  const wrong: string[] = [];
  const compare = (what: string, got: unknown, wanted: unknown) => {
    if (got !== wanted) wrong.push(`${what} ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
  };
  compare('status', answer.status, expected.status);
  for (const [name, value] of Object.entries(expected.headers ?? {})) compare(name, answer.headers.get(name), value);
  if (expected.empty === true) compare('body', text, '');
  if (expected.id === undefined) return wrong;
  const message = lastMessage(text);
  compare('id', message?.id, expected.id);
  compare('code', message?.error?.code, expected.code);
  if (wrong.length > 0) wrong.push(`body ${text}`);
  return wrong;
}

interface Message {
  readonly id?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
}

/** The last message of a body: JSON, or a stream of events. */
function lastMessage(text: string): Message | undefined {
  const data =
    text
      .match(/^data: .+$/gm)
      ?.at(-1)
      ?.slice('data: '.length) ?? text;
  try {
    return JSON.parse(data) as Message;
  } catch {
    return undefined;
  }
}
