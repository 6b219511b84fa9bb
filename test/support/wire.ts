/**
 * MCP on the wire, by hand: a thin client on node:http, one connection a request, for what the SDK's client can't send
 * or doesn't show.
 */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { EventStream, parseSse, type SseEvent, SseParser, type WireMessage } from './sse.ts';
import { type WaitOptions, withTimeout } from './until.ts';

export { rawSocket } from './rawSocket.ts';
export { EventStream, parseSse, type SseEvent, type WireMessage } from './sse.ts';

const LATEST_PROTOCOL_VERSION = '2025-11-25';

/** Header values by any-case name; `undefined` leaves a default header out. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** A whole answer. */
export interface WireResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as one JSON-RPC message. */
  json(): WireMessage;
  /** The events of a body that is an event stream. */
  events(): SseEvent[];
  /** Every `retry` of a body that is an event stream, in ms. */
  retries(): number[];
  /** All JSON-RPC messages of the body, streamed or not. */
  messages(): WireMessage[];
}

const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const GET_HEADERS = { accept: 'text/event-stream' };

function defined(defaults: Headers, headers: Headers): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of [...Object.entries(defaults), ...Object.entries(headers)]) {
    if (value === undefined) delete merged[name.toLowerCase()];
    else merged[name.toLowerCase()] = value;
  }
  return merged;
}

/** Sends a request and resolves when the head of the answer is there. */
function send(method: string, url: string, headers: Record<string, string>, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing: ClientRequest = request(url, { method, agent: false, headers: { ...length, ...headers } });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const encode = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

async function whole(sending: Promise<IncomingMessage>, options: WaitOptions): Promise<WireResponse> {
  const read = async (): Promise<WireResponse> => {
    const response = await sending;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const streams = response.headers['content-type']?.startsWith('text/event-stream') === true;
    const json = () => JSON.parse(text) as WireMessage;
    const events = () => parseSse(text);
    const retries = () => new SseParser().push(text).retries;
    const messages = () => {
      if (!streams) return text === '' ? [] : [json()].flat();
      return events().flatMap(({ data }) => (data === '' ? [] : [JSON.parse(data) as WireMessage]));
    };
    return { status: response.statusCode ?? 0, headers: response.headers, text, json, events, retries, messages };
  };
  return withTimeout(read(), { what: 'the whole of an HTTP answer', ...options });
}

/** POSTs a body (a string as it is, anything else as JSON) and reads the whole answer. */
export function post(
  url: string,
  body: unknown,
  headers: Headers = {},
  options: WaitOptions = {},
): Promise<WireResponse> {
  return whole(send('POST', url, defined(POST_HEADERS, headers), encode(body)), {
    what: 'the answer to a POST',
    ...options,
  });
}

/** GETs and reads the whole answer; for a GET that streams use `openStream`. */
export function get(url: string, headers: Headers = {}, options: WaitOptions = {}): Promise<WireResponse> {
  return whole(send('GET', url, defined(GET_HEADERS, headers)), { what: 'the answer to a GET', ...options });
}

export function del(url: string, headers: Headers = {}, options: WaitOptions = {}): Promise<WireResponse> {
  return whole(send('DELETE', url, defined({}, headers)), { what: 'the answer to a DELETE', ...options });
}

/** Any method, no default headers. */
export function exchange(method: string, url: string, headers: Headers = {}, body?: unknown): Promise<WireResponse> {
  const text = body === undefined ? undefined : encode(body);
  return whole(send(method, url, defined({}, headers), text), { what: `the answer to a ${method}` });
}

/** Opens a stream and resolves when its head is there: a GET, or, with a `body`, a POST. */
export async function openStream(
  url: string,
  options: { readonly headers?: Headers; readonly body?: unknown } & WaitOptions = {},
): Promise<EventStream> {
  const { headers = {}, body, ...wait } = options;
  const sending =
    body === undefined
      ? send('GET', url, defined(GET_HEADERS, headers))
      : send('POST', url, defined(POST_HEADERS, headers), encode(body));
  return new EventStream(await withTimeout(sending, { what: 'the head of a stream', ...wait }));
}

export interface InitializeOptions {
  readonly protocolVersion?: string | undefined;
  readonly capabilities?: Record<string, unknown> | undefined;
  readonly clientInfo?: { readonly name: string; readonly version: string } | undefined;
  readonly headers?: Headers | undefined;
  /** `false` leaves `notifications/initialized` out. */
  readonly notify?: boolean | undefined;
}

export interface Initialized {
  readonly sessionId: string;
  readonly protocolVersion: string;
  readonly response: WireResponse;
  /** The headers that every later request of this session has to carry. */
  readonly headers: Record<string, string>;
}

/** The body of an initialize request. */
export function initializeBody(options: InitializeOptions = {}, id: string | number = 0): WireMessage {
  const { protocolVersion = LATEST_PROTOCOL_VERSION, capabilities = {} } = options;
  const { clientInfo = { name: 'wire', version: '1.0.0' } } = options;
  return { jsonrpc: '2.0', id, method: 'initialize', params: { protocolVersion, capabilities, clientInfo } };
}

/** The headers of a request within a session. */
export function sessionHeaders(sessionId: string, protocolVersion = LATEST_PROTOCOL_VERSION): Record<string, string> {
  return { 'mcp-session-id': sessionId, 'mcp-protocol-version': protocolVersion };
}

/** Opens a session: initialize, then `notifications/initialized`. Throws what came instead of a session. */
export async function initialize(url: string, options: InitializeOptions = {}): Promise<Initialized> {
  const extra = options.headers ?? {};
  const response = await post(url, initializeBody(options), extra);
  const sessionId = response.headers['mcp-session-id'];
  const result = response.status === 200 ? response.messages().at(-1)?.result : undefined;
  if (typeof sessionId !== 'string' || result === undefined) {
    throw new Error(`No session: status ${response.status}, ${response.text}`);
  }
  const protocolVersion = String(result.protocolVersion);
  const headers = { ...defined({}, extra), ...sessionHeaders(sessionId, protocolVersion) };
  if (options.notify !== false) {
    const notified = await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
    if (notified.status !== 202) throw new Error(`notifications/initialized got ${notified.status}: ${notified.text}`);
  }
  return { sessionId, protocolVersion, response, headers };
}

/** The body of a `tools/call`; with `progressToken` in `_meta` where given. */
export function callBody(
  name: string,
  args: Record<string, unknown> = {},
  id: string | number = 1,
  progressToken?: string | number,
): WireMessage {
  const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...meta } };
}

/** Calls a tool in a session and reads the whole answer. */
export function call(
  url: string,
  sessionId: string,
  name: string,
  args: Record<string, unknown> = {},
  id: string | number = 1,
  headers: Headers = {},
): Promise<WireResponse> {
  return post(
    url,
    callBody(name, args, id),
    { ...sessionHeaders(sessionId), ...headers },
    { what: `the call of ${name}` },
  );
}
