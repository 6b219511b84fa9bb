/** What a handler of node:http says that was called with something else: which argument it is, and what to give instead. */
import { expect, test } from 'vitest';
import { toCorsMiddleware } from '../../src/http/corsMiddleware.ts';
import { checkNodeArguments } from '../../src/http/nodeArguments.ts';
import { createSessionSupervisor } from '../../src/index.ts';
import { buildTestServer } from '../support/testServer.ts';

const HINT = '(Fastify: request.raw and reply.raw; Koa: ctx.req and ctx.res)';
const on = () => {};
const request = { headers: {}, rawHeaders: [], on };

test.each([
  [undefined, 'undefined'],
  [{ ...request, rawHeaders: undefined }, 'an object'],
  [{ ...request, on: undefined }, 'an object'],
])('a request that is none: %j', (given, told) => {
  expect(() => checkNodeArguments(given, {})).toThrow(
    expect.objectContaining({
      code: 'INVALID_OPTION',
      message: `The first argument must be a request of node:http ${HINT}; got ${told}`,
    }),
  );
});

test.each([
  [undefined, 'undefined'],
  [{ writeHead: on }, 'an object'],
  [{ prependListener: on }, 'an object'],
])('a response that is none: %j', (given, told) => {
  expect(() => checkNodeArguments(request, given)).toThrow(
    expect.objectContaining({
      code: 'INVALID_OPTION',
      message: `The second argument must be a response of node:http ${HINT}; got ${told}`,
    }),
  );
});

test('middleware that is given nothing to go on with', () => {
  const middleware = toCorsMiddleware(createSessionSupervisor({ server: buildTestServer }));
  const response = { writeHead: on, prependListener: on };
  expect(() => middleware(request as never, response as never, undefined as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_OPTION',
      message: 'The third argument must be a function: what comes next; got undefined',
    }),
  );
});
