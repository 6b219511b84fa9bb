/** Entry point `mcp-session-supervisor/stdio`: servers that are commands, one process for each session. */
export type { RestartPolicy } from '../machines/child.ts';
export type { StdioServerOptions, Variables } from './stdioOptions.ts';
export { type StdioServerFactory, stdioServer } from './stdioServer.ts';
