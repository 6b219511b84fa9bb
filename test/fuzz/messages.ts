/** Arbitrary JSON-RPC, from well-formed messages that mean something to a living session down to any JSON at all. */
import fc from 'fast-check';

/** Ids of requests; few, so that they meet: in flight, cancelled, answered, used again. */
const id = fc.oneof(
  { weight: 16, arbitrary: fc.integer({ min: 0, max: 4 }) },
  { weight: 3, arbitrary: fc.constantFrom<unknown>('0', '1', 'a', '', '__proto__', 'constructor') },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 1.5, -1, -0, 2 ** 53, true, {}, [], 'x'.repeat(1_025)) },
);

/** What a tool may be asked: nothing here makes a handler work for long by itself. */
const call = fc.oneof(
  fc.record({
    name: fc.constantFrom('echo', 'log', 'notifyStandalone', 'fail', 'whoami', 'nothing', '__proto__', 'toString'),
    arguments: fc.record({ text: fc.string({ maxLength: 20 }) }),
  }),
  fc.record({
    name: fc.constantFrom('gate', 'sample', 'elicit', 'roots', 'closeStream'),
    arguments: fc.record({
      key: fc.constantFrom('a', 'b'),
      prompt: fc.constant('?'),
      message: fc.constant('?'),
      via: fc.constantFrom('call', 'standalone'),
    }),
  }),
);

const token = fc.oneof(id, fc.constant(undefined));
/** What requests of 2026-07-28 say of themselves, rightly or not. */
const claim = fc.record(
  {
    'io.modelcontextprotocol/protocolVersion': fc.constantFrom<unknown>(
      '2026-07-28',
      '2026-07-28',
      '2025-11-25',
      '2099-01-01',
      'x',
      1,
    ),
    'io.modelcontextprotocol/clientCapabilities': fc.constantFrom<unknown>({}, {}, { sampling: {} }, 1),
    'io.modelcontextprotocol/clientInfo': fc.constantFrom<unknown>({ name: 'fuzz', version: '1' }, {}, 'x'),
  },
  { requiredKeys: ['io.modelcontextprotocol/protocolVersion'] },
);
const meta = fc.oneof(
  { weight: 3, arbitrary: claim },
  { weight: 4, arbitrary: fc.record({ progressToken: token }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
);

const request = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(id, call, fc.option(meta, { nil: undefined }))
      .map(([id, params, _meta]) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { ...params, _meta } })),
  },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        jsonrpc: fc.constant('2.0'),
        id,
        method: fc.oneof(
          fc.constantFrom('ping', 'tools/list', 'resources/list', 'prompts/get', 'logging/setLevel', 'tasks/get'),
          fc.constantFrom('server/discover', 'subscriptions/listen', 'resources/read'),
          fc.constantFrom('__proto__', 'constructor', 'toString', 'initialize', 'notifications/cancelled', ''),
          fc.string({ maxLength: 10 }),
        ),
        params: fc.oneof(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 })), fc.constant({})),
      },
      { requiredKeys: ['jsonrpc', 'id', 'method'] },
    ),
  },
);

const initialize = fc
  .tuple(id, fc.constantFrom('2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', 'x', ''), fc.string())
  .map(([id, protocolVersion, name]) => ({
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion, capabilities: { sampling: {}, roots: {} }, clientInfo: { name, version: '1' } },
  }));

const notification = fc.oneof(
  fc.constant({ jsonrpc: '2.0', method: 'notifications/initialized' }),
  id.map((requestId) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })),
  token.map((progressToken) => ({
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: { progressToken, progress: 1 },
  })),
  fc.string({ maxLength: 10 }).map((method) => ({ jsonrpc: '2.0', method })),
);

/** Answers, some of which a server may be waiting for. */
const response = fc.oneof(
  fc.tuple(id, fc.constantFrom({ roots: [] }, { action: 'decline' }, {})).map(([id, result]) => ({
    jsonrpc: '2.0',
    id,
    result,
  })),
  fc.tuple(id, fc.integer()).map(([id, code]) => ({ jsonrpc: '2.0', id, error: { code, message: 'no' } })),
);

const message = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 2, arbitrary: notification },
  { weight: 2, arbitrary: response },
  { weight: 2, arbitrary: initialize },
);

/** One member somewhere in a message is something else, or gone. */
interface JsonMutation {
  /** Which member, counted over all of them, modulo their number. */
  readonly at: number;
  /** What comes in its place; undefined takes it away. */
  readonly value: unknown;
  /** Under another name, where it is not undefined. */
  readonly name: string | undefined;
}

const mutation: fc.Arbitrary<JsonMutation> = fc.record({
  at: fc.nat({ max: 30 }),
  value: fc.oneof(fc.constant(undefined), fc.jsonValue({ maxDepth: 2 }), id),
  name: fc.option(fc.constantFrom('__proto__', 'constructor', 'extra', 'id', 'method', 'result', '_meta', 'params'), {
    nil: undefined,
  }),
});

/** Applies mutations to a copy. */
function mutate(value: unknown, mutations: readonly JsonMutation[]): unknown {
  const copy = structuredClone(value);
  for (const { at, value: put, name } of mutations) {
    const members: [Record<string, unknown>, string][] = [];
    const collect = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, child] of Object.entries(node)) {
        members.push([node as Record<string, unknown>, key]);
        collect(child);
      }
    };
    collect(copy);
    const member = members[at % Math.max(members.length, 1)];
    if (member === undefined) continue;
    const [node, key] = member;
    const old = node[key];
    if (put === undefined || name !== undefined) delete node[key];
    Object.defineProperty(node, name ?? key, {
      value: name === undefined ? put : old,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

const deep = fc
  .tuple(fc.constantFrom('[', '{"a":'), fc.constantFrom(100, 501, 8_000, 8_000))
  .map(([open, depth]) => `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`);

/** A message in whose parameters or result something nests deep. */
const deepMessage = fc.tuple(message, deep).map(([value, json]) => {
  const member = 'result' in value ? 'result' : 'params';
  return JSON.stringify({ ...value, [member]: { a: 'DEEP' } }).replace('"DEEP"', json);
});

/** The body of a request, as text. */
export const body: fc.Arbitrary<string> = fc.oneof(
  { weight: 20, arbitrary: message.map((value) => JSON.stringify(value)) },
  { weight: 3, arbitrary: fc.array(message, { maxLength: 4 }).map((value) => JSON.stringify(value)) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(message, fc.array(mutation, { minLength: 1, maxLength: 3 }))
      .map(([value, mutations]) => JSON.stringify(mutate(value, mutations)) ?? ''),
  },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: deep },
  { weight: 2, arbitrary: deepMessage },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '{', '"', '\ufeff{}', '[1,', `"${'x'.repeat(100_000)}"`) },
);
