/** Entry point `mcp-session-supervisor/telemetry`: what the supervisor counts and sees, for the tools of operators. */
export { type Instrumentation, type InstrumentOptions, instrument } from './instrument.ts';
export type { MetricOptions } from './options.ts';
export { type PrometheusMetrics, prometheusMetrics } from './prometheus.ts';
