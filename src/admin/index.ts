/** Entry point `mcp-session-supervisor/admin`: health, metrics and administration, on a listener that is the operator's. */
export type { AdminOptions, MetricsSource } from './adminOptions.ts';
export { type Admin, serveAdmin } from './serveAdmin.ts';
