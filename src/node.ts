/** Entry point `mcp-session-supervisor/node`: the handler for node:http and the frameworks built on it. */
export { type CorsMiddleware, toCorsMiddleware } from './http/corsMiddleware.ts';
export { type NodeHandler, type NodeRequest, toNodeHandler } from './http/nodeHandler.ts';
