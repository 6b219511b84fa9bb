/** The CORS headers of an answer, row by row, without a socket. */
import { describe, expect, test } from 'vitest';
import { answerPreflight, applyCors } from '../../src/http/cors.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';

const ORIGIN = 'https://a.example';

describe('who may read an answer', () => {
  const NOBODY = {};
  const ANYBODY = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Mcp-Session-Id' };
  const NAMED = { ...ANYBODY, 'Access-Control-Allow-Origin': ORIGIN, Vary: 'Origin' };
  const OTHERS = { Vary: 'Origin' };

  test.each([
    ['*', ORIGIN, ANYBODY],
    ['*', undefined, NOBODY],
    [{ origins: '*' }, ORIGIN, ANYBODY],
    [[ORIGIN], ORIGIN, NAMED],
    [{ origins: [ORIGIN] }, ORIGIN, NAMED],
    [[ORIGIN], 'https://b.example', OTHERS],
    [[ORIGIN], undefined, OTHERS],
    [[ORIGIN], [ORIGIN], OTHERS],
  ] as const)('where %j is allowed and %j asks: %j', (cors, origin, expected) => {
    const set: Record<string, string> = {};
    const setHeader = (name: string, value: string) => void Object.assign(set, { [name]: value });
    applyCors({ headers: { origin: origin as string | undefined }, setHeader }, cors);
    expect(set).toEqual(expected);
  });
});

/** What a preflight that asks for these headers is allowed. */
function allowed(asked: string | undefined, cors: Parameters<typeof answerPreflight>[1] = [ORIGIN]): string[] {
  const exchange = Object.assign(new FakeExchange(), { headers: { 'access-control-request-headers': asked } });
  let said: unknown;
  exchange.respond = (status, headers) => (said = { status, ...headers });
  answerPreflight(exchange, cors);
  expect(said).toEqual({
    status: 204,
    'Access-Control-Allow-Methods': 'GET, POST, DELETE',
    'Access-Control-Allow-Headers': expect.stringMatching(/^Content-Type, /),
    'Access-Control-Max-Age': '86400',
  });
  return (said as { 'Access-Control-Allow-Headers': string })['Access-Control-Allow-Headers'].split(', ').slice(8);
}

test.each([
  ['nothing is asked for', undefined, []],
  ['parameters are asked for', 'mcp-param-a , Mcp-Param-B', ['mcp-param-a', 'Mcp-Param-B']],
  ['others are asked for', 'x-other, xmcp-param-a, mcp-param-', []],
  ['one is too long', `mcp-param-${'x'.repeat(101)}`, []],
])('a preflight, where %s', (_, asked, names) => {
  expect(allowed(asked)).toEqual(names);
  expect(allowed(asked, '*')).toEqual(names);
  expect(allowed(asked, { origins: [ORIGIN] })).toEqual(names);
  expect(allowed(asked, { origins: [ORIGIN], headers: ['x-api-key'] })).toEqual(['x-api-key', ...names]);
});

test('a preflight is allowed a hundred parameters, and no more', () => {
  const names = Array.from({ length: 101 }, (_, n) => `mcp-param-${n}`);
  expect(allowed(names.join())).toEqual(names.slice(0, 100));
});
