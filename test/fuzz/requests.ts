/** Arbitrary HTTP requests, as data that shrinks and prints well; `render` makes bytes of them. */
import fc from 'fast-check';
import { body } from './messages.ts';

/**
 * One request. Its strings may name what only exists once the run has begun: `<s0>`, `<s1>` (sessions of the attacker),
 * `<healthy>` (somebody else's), `<ended>`, and `<event>` (an event id of `<s0>`).
 */
export interface RequestSpec {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `undefined`: none. */
  readonly body: string | undefined;
  /** `undefined`: by its length. Else in chunks of so many bytes. */
  readonly chunks: number | undefined;
  /** It is a request of 2026-07-28 with which nothing is wrong. */
  readonly modern?: true;
}

const usually = <T>(usual: T, weight: number, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

/** A header that is there with a value, or not. */
const header = (name: string, value: fc.Arbitrary<string | undefined>) =>
  value.map((text): [string, string][] => (text === undefined ? [] : [[name, text]]));

const SESSION = fc.oneof(
  { weight: 16, arbitrary: fc.constantFrom<string | undefined>('<s0>', '<s1>') },
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom('<healthy>', '<ended>', '', 'garbage', '<s0>, <s1>', '<s0> ', '__proto__') },
);

const VERSIONS = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '1999-01-01',
  '',
  '2025-11-25, 2025-03-26',
  '2026-07-28',
  '2026-07-28',
  '2099-01-01',
];
const ACCEPTS = ['', '*/*', 'application/json', 'text/event-stream', 'text/event-stream;q=0, */*', 'x', 'text/*;,'];
const TYPES = ['', 'text/plain', 'application/json; charset=utf-16', 'APPLICATION/JSON', 'application/json,x'];
const ORIGINS = ['https://app.example', 'https://evil.example', 'null', ''];
const EVENTS = ['<event>', 'get0_0', '0_0', '_', '', '<event>x', `get0_${'x'.repeat(2_000)}`];
const NAMES = ['X-Any', 'Authorization', 'Cookie', '__proto__', 'constructor', 'Mcp-Session-Id', 'Host', 'TE', 'Via'];

/** What node:http takes in a header's value. */
const value = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)),
  maxLength: 20,
});
const VALUE = value.filter((text) => !text.includes('\x7f'));

const headers = fc
  .tuple(
    header(
      'Host',
      usually<string | undefined>('localhost', 12, 'evil.example', '', 'LOCALHOST:1', 'a b', 'u:p@localhost'),
    ),
    header('Accept', usually<string | undefined>('application/json, text/event-stream', 10, undefined, ...ACCEPTS)),
    header('Content-Type', usually<string | undefined>('application/json', 12, undefined, ...TYPES)),
    header('Mcp-Session-Id', SESSION),
    header('MCP-Protocol-Version', usually<string | undefined>(undefined, 6, ...VERSIONS)),
    header('Mcp-Method', usually<string | undefined>(undefined, 3, 'tools/call', 'tools/list', 'server/discover', '')),
    header('Mcp-Name', usually<string | undefined>(undefined, 3, 'echo', '=?base64?ZWNobw==?=', '=?base64?*?=')),
    header('Origin', usually<string | undefined>(undefined, 8, ...ORIGINS)),
    header('Last-Event-ID', usually<string | undefined>(undefined, 4, ...EVENTS)),
    header('Content-Encoding', usually<string | undefined>(undefined, 30, 'gzip', 'identity', '')),
    header('Expect', usually<string | undefined>(undefined, 40, '100-continue', 'magic')),
    fc.oneof(
      { weight: 6, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fc.tuple(fc.constantFrom(...NAMES), VALUE), { maxLength: 3 }) },
    ),
  )
  .map((parts): (readonly [string, string])[] => parts.flat());

const TARGETS = ['/', '//evil.example', '/mcp?<s0>', '*', 'http://localhost/mcp', 'http://u:p@evil.example/', '/%00'];
const OTHERS = ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'TRACE', 'PROPFIND'];

/** A request of 2026-07-28 that is right: broken ones come of all the others. A listen stream has nothing to hear, and ends. */
const modernRequest: fc.Arbitrary<RequestSpec> = fc
  .record({
    asked: fc.constantFrom(
      { method: 'server/discover', params: {}, name: undefined },
      { method: 'tools/list', params: {}, name: undefined },
      { method: 'tools/call', params: { name: 'echo', arguments: { text: 'modern' } }, name: 'echo' },
      { method: 'subscriptions/listen', params: { notifications: { promptsListChanged: true } }, name: undefined },
    ),
    id: fc.constantFrom(0, 1, 'a', '__proto__'),
    session: SESSION,
    chunks: fc.constantFrom(undefined, undefined, 7),
  })
  .map(({ asked: { method, params, name }, id, session, chunks }) => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers: [string, string][] = [
      ['Host', 'localhost'],
      ['Accept', 'application/json, text/event-stream'],
      ['Content-Type', 'application/json'],
      ['MCP-Protocol-Version', '2026-07-28'],
      ['Mcp-Method', method],
      ...(name === undefined ? [] : [['Mcp-Name', name] as [string, string]]),
      ...(session === undefined ? [] : [['Mcp-Session-Id', session] as [string, string]]),
    ];
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } });
    return { method: 'POST', target: '/mcp', version: 'HTTP/1.1', headers, body, chunks, modern: true };
  });

/** A request of any era that is complete and framed as it should be, whatever else it is. */
const anyRequest: fc.Arbitrary<RequestSpec> = fc
  .oneof(
    {
      weight: 12,
      arbitrary: fc.record({ method: fc.constant('POST'), body: fc.option(body, { freq: 20, nil: undefined }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        method: fc.constantFrom('GET', 'GET', 'DELETE'),
        body: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: body }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ method: fc.constantFrom(...OTHERS), body: fc.option(body, { nil: undefined }) }),
    },
  )
  .chain((base) =>
    fc.record({
      method: fc.constant(base.method),
      target: usually('/mcp', 20, ...TARGETS),
      version: fc.constant('HTTP/1.1'),
      headers,
      body: fc.constant(base.body),
      chunks: fc.oneof(
        { weight: 5, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(1, 7, 4_096) },
      ),
    }),
  );

export const completeRequest: fc.Arbitrary<RequestSpec> = fc.oneof(
  { weight: 7, arbitrary: anyRequest },
  { weight: 1, arbitrary: modernRequest },
);

/** A change of the bytes of a request. */
export interface ByteMutation {
  readonly kind: 'flip' | 'cut' | 'insert' | 'repeat' | 'truncate';
  /** Where, from 0 (the first byte) to 1 (the last). */
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const INSERTS = [
  '\r\n',
  '\n',
  '\0',
  '\r\n\r\n',
  ':',
  ' ',
  '0\r\n\r\n',
  'Content-Length: 3\r\n',
  'ÿ',
  'HTTP/1.0',
  ';',
  '{',
];
const LINES = [
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: h2c\r\n',
  '\x80',
];

export const byteMutation: fc.Arbitrary<ByteMutation> = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'truncate'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 400 })),
  text: fc.constantFrom(...INSERTS, ...LINES),
});

export function mutateBytes(bytes: Buffer, mutations: readonly ByteMutation[]): Buffer {
  let result = bytes;
  for (const { kind, at, length, text } of mutations) {
    const index = Math.min(Math.floor(at * result.length), Math.max(result.length - 1, 0));
    const before = result.subarray(0, index);
    const span = result.subarray(index, index + length);
    const after = result.subarray(index + length);
    if (kind === 'truncate') result = Buffer.from(before);
    else if (kind === 'cut') result = Buffer.concat([before, after]);
    else if (kind === 'repeat') result = Buffer.concat([before, span, span, after]);
    else if (kind === 'insert') result = Buffer.concat([before, Buffer.from(text, 'latin1'), span, after]);
    else result = Buffer.concat([before, span.map((byte) => byte ^ (1 << (length % 8))), after]);
  }
  return result;
}

/** The bytes of a request. `name` says what stands for `<…>`. */
export function render(request: RequestSpec, name: (placeholder: string) => string): Buffer {
  const fill = (text: string) => text.replace(/<\w+>/g, (match) => name(match.slice(1, -1)));
  const lines = request.headers.map(([key, text]) => `${key}: ${fill(text)}\r\n`);
  const content = request.body === undefined ? undefined : Buffer.from(fill(request.body));
  const pieces: Buffer[] = [];
  if (content !== undefined && request.chunks === undefined) {
    lines.push(`Content-Length: ${content.length}\r\n`);
    pieces.push(content);
  } else if (content !== undefined && request.chunks !== undefined) {
    lines.push('Transfer-Encoding: chunked\r\n');
    for (let at = 0; at < content.length; at += request.chunks) {
      const piece = content.subarray(at, at + request.chunks);
      pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    }
    pieces.push(Buffer.from('0\r\n\r\n'));
  }
  const head = `${request.method} ${fill(request.target)} ${request.version}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), ...pieces]);
}
