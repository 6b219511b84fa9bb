/**
 * One case of the table of host cases, and how it is run. Nothing of any test runner: whoever runs a case gets told what
 * is not as it has to be.
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

export const encoder = new TextEncoder();
export const ping = (id: string | number = 1) => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });

export const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 'first',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'host case', version: '1.0.0' } },
});

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
