/** The metrics of a supervisor as text for Prometheus, without any package. */
import type { SessionSupervisor } from '../index.ts';
import { CONTENT_TYPE, head, numberText, prometheusName, sample } from './exposition.ts';
import { Histogram } from './histogram.ts';
import { measuring, newNames } from './measuring.ts';
import type { TimedMetric } from './metric.ts';
import { type MetricOptions, resolveMetricOptions } from './options.ts';
import { READ_METRICS } from './readMetrics.ts';
import { checkSupervisor } from './supervisorCheck.ts';
import { TIMED_METRICS } from './timedMetrics.ts';

/** What `prometheusMetrics` returns. */
export interface PrometheusMetrics {
  /** The `Content-Type` of the text. */
  readonly contentType: string;
  /** All metrics as they are now, in Prometheus' text format 0.0.4. */
  text(): string;
  /** Observes the supervisor no more: no durations are added from then on. Twice is harmless. */
  stop(): void;
}

/**
 * The metrics of a supervisor for Prometheus: what `stats()` counts, and durations from now on. Serve the text where the
 * public can't reach it. `docs/telemetry.md` has all names.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`, `INVALID_OPTION` or `UNKNOWN_OPTION`
 * @example
 * ```ts
 * import http from 'node:http';
 * import { prometheusMetrics } from 'mcp-session-supervisor/telemetry';
 *
 * const metrics = prometheusMetrics(supervisor);
 * http
 *   .createServer((_, res) => res.setHeader('Content-Type', metrics.contentType).end(metrics.text()))
 *   .listen(9464, '127.0.0.1');
 * ```
 */
export function prometheusMetrics(supervisor: SessionSupervisor, options: MetricOptions = {}): PrometheusMetrics {
  checkSupervisor(supervisor);
  const { maxNames } = resolveMetricOptions('prometheusMetrics', options);
  const histograms = new Map(TIMED_METRICS.map((metric) => [metric, histogramOf(metric)]));
  const observer = measuring(newNames(maxNames), (metric, seconds, labels) =>
    histograms.get(metric)?.record(seconds, labels),
  );
  return {
    contentType: CONTENT_TYPE,
    text: () => readText(supervisor) + Array.from(histograms, ([metric, timed]) => timedText(metric, timed)).join(''),
    stop: supervisor.observe(observer),
  };
}

function histogramOf({ bounds, labels }: TimedMetric): Histogram {
  return new Histogram(bounds, Object.keys(labels));
}

function readText(supervisor: SessionSupervisor): string {
  const stats = supervisor.stats();
  const { value: state } = supervisor.actor.getSnapshot();
  let text = '';
  for (const metric of READ_METRICS) {
    const readings = metric.read(stats, state);
    if (readings === undefined) continue;
    const name = prometheusName(metric);
    text += head(name, metric.kind, metric.help);
    for (const { labels, value } of readings) text += sample(name, labels, value);
  }
  return text;
}

function timedText(metric: TimedMetric, histogram: Histogram): string {
  if (histogram.empty) return '';
  const name = prometheusName(metric);
  let text = head(name, metric.kind, metric.help);
  for (const { labels, buckets, sum, count } of histogram) {
    let below = 0;
    histogram.bounds.forEach((bound, index) => {
      below += buckets[index] ?? 0;
      text += sample(`${name}_bucket`, { ...labels, le: numberText(bound) }, below);
    });
    text += sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count);
    text += sample(`${name}_sum`, labels, sum) + sample(`${name}_count`, labels, count);
  }
  return text;
}
