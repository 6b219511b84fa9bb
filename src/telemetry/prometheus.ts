/** The metrics of a supervisor as text for Prometheus, without any package. */
import type { SessionEvent, SessionSupervisor } from '../index.ts';
import { CONTENT_TYPE, head, numberText, prometheusName, sample } from './exposition.ts';
import { Histogram } from './histogram.ts';
import { READ_METRICS, SESSION_DURATION, type TimedMetric } from './metrics.ts';
import { checkSupervisor } from './supervisorCheck.ts';

/** What `prometheusMetrics` returns. */
export interface PrometheusMetrics {
  /** The `Content-Type` of the text. */
  readonly contentType: string;
  /** All metrics as they are now, in Prometheus' text format 0.0.4. */
  text(): string;
  /** Listens to the supervisor no more: durations are not added to from then on. Twice is harmless. */
  stop(): void;
}

/**
 * The metrics of a supervisor for Prometheus: what `stats()` counts, and durations from now on. Serve the text where the
 * public can't reach it. `docs/telemetry.md` has all names.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`
 * @example
 * ```ts
 * import { prometheusMetrics } from 'mcp-session-supervisor/telemetry';
 *
 * const metrics = prometheusMetrics(supervisor);
 * console.log(metrics.text());
 * ```
 */
export function prometheusMetrics(supervisor: SessionSupervisor): PrometheusMetrics {
  checkSupervisor(supervisor);
  const lives = histogramOf(SESSION_DURATION);
  const stop = supervisor.on('session.terminated', ({ session, reason }: SessionEvent) => {
    const end = session.history.at(-1)?.at ?? session.lastActiveAt;
    lives.record(Math.max(0, end - session.createdAt) / 1_000, { reason });
  });
  return {
    contentType: CONTENT_TYPE,
    text: () => readText(supervisor) + timedText(SESSION_DURATION, lives),
    stop,
  };
}

function histogramOf({ bounds, labels }: TimedMetric): Histogram {
  return new Histogram(bounds, Object.keys(labels));
}

function readText(supervisor: SessionSupervisor): string {
  const stats = supervisor.stats();
  let text = '';
  for (const metric of READ_METRICS) {
    const readings = metric.read(stats);
    if (readings === undefined) continue;
    const name = prometheusName(metric);
    text += head(name, metric.kind, metric.help);
    for (const { labels, value } of readings) text += sample(name, labels, value);
  }
  return text;
}

function timedText(metric: TimedMetric, histogram: Histogram): string {
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
