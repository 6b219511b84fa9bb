/** `toCorsMiddleware`: the `cors` option of a supervisor, before the authentication that would refuse a preflight. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalid } from '../errors.ts';
import { type SessionSupervisor, supervisorOf } from '../supervisor/sessionSupervisor.ts';
import { applyCors } from './cors.ts';
import { handle } from './handle.ts';
import { checkNodeArguments } from './nodeArguments.ts';
import { NodeExchange } from './nodeExchange.ts';
import { setNodeHeader } from './nodeHeader.ts';

/** Middleware as Express and Connect call it. */
export type CorsMiddleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/**
 * Makes middleware that goes before authentication: `app.all('/mcp', toCorsMiddleware(supervisor), requireBearerAuth(…),
 * toNodeHandler(supervisor))`. It answers preflights, which carry no token, and adds the headers of the `cors` option to
 * every other answer, a 401 of the authentication included. Does nothing where `cors` is off.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`
 * @example
 * ```ts
 * import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
 * import { toCorsMiddleware, toNodeHandler } from 'mcp-session-supervisor/node';
 *
 * app.all('/mcp', toCorsMiddleware(supervisor), requireBearerAuth({ verifier }), toNodeHandler(supervisor));
 * ```
 */
export function toCorsMiddleware(supervisor: SessionSupervisor): CorsMiddleware {
  const core = supervisorOf(supervisor);
  const { cors } = core.options;
  return (request, response, next) => {
    checkNodeArguments(request, response);
    if (typeof next !== 'function') invalid('The third argument', next, 'a function: what comes next');
    if (cors === undefined) return next();
    if (request.method === 'OPTIONS') return void handle(core, new NodeExchange(request, response, undefined, core));
    applyCors({ headers: request.headers, setHeader: (name, value) => setNodeHeader(response, name, value) }, cors);
    next();
  };
}
