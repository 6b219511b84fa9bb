/** What is judged of a body whoever has read it: its size to the byte, its depth, its version; and how it is refused. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type RefusalName } from '../../src/errors.ts';
import { readMessages } from '../../src/http/readMessages.ts';
import type { Supervisor } from '../../src/supervisor/supervisor.ts';
import type { BodyLimits, BodyResult } from '../../src/transport/exchange.ts';
import { resolve } from '../support/givenOptions.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { request } from '../transport/transportKit.ts';

interface Given {
  readonly parsedBody?: unknown;
  readonly headers?: object;
  readonly options?: object;
  readonly readBody?: (limits: BodyLimits) => Promise<BodyResult>;
}

/** What has come of a body: which kind it is, or what was answered. */
async function read({ options = {}, ...given }: Given) {
  const exchange = Object.assign(new FakeExchange(), given);
  const read = await readMessages({ options: resolve(options) } as Supervisor, exchange);
  if (read !== undefined) expect(exchange.calls).toEqual([]);
  return read?.kind ?? exchange.calls;
}

const refusalOf = (name: RefusalName, id: unknown = null) => {
  const { status, code, message } = REFUSALS[name];
  const body = JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
  return [`respond ${status} {"Content-Type":"application/json"} ${body}`];
};

const FORMS: readonly [string, (message: unknown) => unknown][] = [
  ['an object', (message) => message],
  ['text', (message) => JSON.stringify(message)],
  ['bytes', (message) => Buffer.from(JSON.stringify(message))],
];

describe.each(FORMS)('a body that somebody has read, as %s', (_, form) => {
  const parsedBody = form({ ...request(1), params: { text: 'ü' } });
  const bytes = Buffer.byteLength(JSON.stringify({ ...request(1), params: { text: 'ü' } }));

  test('may have maxRequestBodySize, and not a byte more', async () => {
    expect(await read({ parsedBody, options: { maxRequestBodySize: bytes } })).toBe('messages');
    expect(await read({ parsedBody, options: { maxRequestBodySize: bytes - 1 } })).toEqual(refusalOf('bodyTooLarge'));
  });

  test('may nest in 500 levels, and in no more', async () => {
    const nested = (levels: number) => {
      let inner: unknown = [];
      for (let n = 3; n < levels; n++) inner = [inner]; // the message, its parameters and the innermost are three
      return { ...request(7), params: { inner } };
    };
    expect(await read({ parsedBody: form(nested(500)) })).toBe('messages');
    expect(await read({ parsedBody: form(nested(501)) })).toEqual(refusalOf('nestedTooDeep', 7));
  });

  test('is of a version that we know, where a header says which', async () => {
    const version = (value: string) => ({ 'mcp-protocol-version': value });
    expect(await read({ parsedBody })).toBe('messages');
    expect(await read({ parsedBody, headers: version('2025-11-25') })).toBe('messages');
    expect(await read({ parsedBody, headers: version('1999-01-01') })).toEqual(refusalOf('unsupportedVersion', 1));
  });
});

describe('a body that is read', () => {
  test.each([
    [{ 'content-length': '7' }, 7],
    [{}, Number.NaN],
  ])('may be as large as the options say, and has the length that is declared: %j', async (headers, declared) => {
    const asked: BodyLimits[] = [];
    const readBody = async (limits: BodyLimits): Promise<BodyResult> => {
      asked.push(limits);
      return { text: JSON.stringify(request(1)), size: 7 };
    };
    const options = { maxRequestBodySize: 70_000, requestBodyTimeout: 700 };
    expect(await read({ headers, options, readBody })).toBe('messages');
    expect(asked).toEqual([{ maxBytes: 70_000, declared, timeout: 700, budget: expect.anything() }]);
  });

  test.each([
    [100, 'initialize'],
    [1_990, 'refused'],
  ])('may be an initialize of a hundred values beyond its text, and not of ever so many: %i', async (count, kind) => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: { experimental: Object.fromEntries(Array.from({ length: count }, (_, n) => [`x${n}`, {}])) },
      clientInfo: { name: 'c', version: '1' },
      padding: 'x'.repeat(2_000),
    };
    const parsedBody = { jsonrpc: '2.0', id: 1, method: 'initialize', params };
    const options = { maxInitializeSize: Buffer.byteLength(JSON.stringify(parsedBody)) };
    const came = await read({ parsedBody, options });
    expect(came).toEqual(kind === 'refused' ? refusalOf('initializeTooLarge', 1) : kind);
  });

  test('and has failed is refused with that', async () => {
    expect(await read({})).toEqual(refusalOf('bodyAborted'));
  });

  test('and is no JSON is refused', async () => {
    expect(await read({ parsedBody: '{' })).toEqual(refusalOf('parseError'));
  });
});
