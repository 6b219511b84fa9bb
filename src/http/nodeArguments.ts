/** What handlers and middleware of node:http are called with, where somebody calls them by hand: judged by what is used. */
import { invalid } from '../errors.ts';
import { isObject } from '../protocol/messages.ts';

/** Frameworks have requests and responses of their own around Node's. */
const HINT = '(Fastify: request.raw and reply.raw; Koa: ctx.req and ctx.res)';

/** @throws {SupervisorError} `INVALID_OPTION` for what is no request, or no response. */
export function checkNodeArguments(request: unknown, response: unknown): void {
  // By what they have however they stand: neither needs a socket once its client has left.
  const { headers, on, rawHeaders } = (request ?? {}) as Record<string, unknown>;
  if (!isObject(headers) || !Array.isArray(rawHeaders) || typeof on !== 'function') {
    invalid('The first argument', request, `a request of node:http ${HINT}`);
  }
  const { writeHead, prependListener } = (response ?? {}) as Record<string, unknown>;
  if (typeof writeHead !== 'function' || typeof prependListener !== 'function') {
    invalid('The second argument', response, `a response of node:http ${HINT}`);
  }
}
