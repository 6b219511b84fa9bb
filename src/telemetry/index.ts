/** Entry point `mcp-session-supervisor/telemetry`: what the supervisor counts and sees, for the tools of operators. */
export { type PrometheusMetrics, prometheusMetrics } from './prometheus.ts';
