/** `toNodeHandler`: a supervisor as a request handler of node:http, Express and whatever calls handlers that way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';

import { SupervisorError } from '../errors.ts';
import { type SessionSupervisor, supervisorOf } from '../supervisor/sessionSupervisor.ts';
import { handle } from './handle.ts';
import { checkNodeArguments } from './nodeArguments.ts';
import { NodeExchange } from './nodeExchange.ts';

/**
 * A request as frameworks hand it on: with `auth` from an authentication middleware and `body` from a parser. One of
 * HTTP/2 comes by Node's compatibility API.
 */
export type NodeRequest = (IncomingMessage | Http2ServerRequest) & { auth?: AuthInfo | undefined; body?: unknown };

/**
 * Answers one request, whatever its path. `parsedBody` is the body where it was parsed already; a function in its place
 * (Express passes `next`) is ignored. Resolves when the request has been handed to its session. Rejects with nothing else
 * than a `SupervisorError` `INVALID_OPTION`, for what is no request or no response of node:http.
 */
export type NodeHandler = (
  request: NodeRequest,
  response: ServerResponse | Http2ServerResponse,
  parsedBody?: unknown,
) => Promise<void>;

/**
 * Makes a handler: `http.createServer(toNodeHandler(supervisor))`, `app.all('/mcp', toNodeHandler(supervisor))`.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`, or `SUPERVISOR_STOPPED` once a drain has begun.
 * @example
 * ```ts
 * import express from 'express';
 * import { toNodeHandler } from 'mcp-session-supervisor/node';
 *
 * const app = express();
 * app.all('/mcp', toNodeHandler(supervisor));
 * ```
 */
export function toNodeHandler(supervisor: SessionSupervisor): NodeHandler {
  const core = supervisorOf(supervisor);
  if (!core.accepting) {
    throw new SupervisorError('SUPERVISOR_STOPPED', 'The supervisor has been drained; create a new one');
  }
  return (request, response, parsedBody) => {
    try {
      checkNodeArguments(request, response);
    } catch (error) {
      return Promise.reject(error);
    }
    const body = typeof parsedBody === 'function' || parsedBody === undefined ? bodyOf(request) : parsedBody;
    // All that an exchange uses of a request and a response, the compatible ones have too.
    const [incoming, outgoing] = [request as IncomingMessage, response as ServerResponse];
    return handle(core, new NodeExchange(incoming, outgoing, body, core));
  };
}

/** What a body parser left that has read the stream; one that has not (and put `{}` there) is not believed. */
function bodyOf(request: NodeRequest): unknown {
  try {
    return request.readableEnded ? request.body : undefined;
  } catch {
    return undefined; // nobody has read it: the refusal of a body that is gone says what to do
  }
}
