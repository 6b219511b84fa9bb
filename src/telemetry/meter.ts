/** The metrics of a supervisor on a meter of OpenTelemetry. */
import type { BatchObservableResult, Histogram, Meter, Observable } from '@opentelemetry/api';
import type { SessionSupervisor } from '../index.ts';
import type { Record } from './measuring.ts';
import type { ReadMetric, TimedMetric } from './metric.ts';
import { READ_METRICS } from './readMetrics.ts';
import { TIMED_METRICS } from './timedMetrics.ts';

/** Makes the histograms; returns what records in them. */
export function recordOn(meter: Meter): Record {
  const histograms = new Map<TimedMetric, Histogram>();
  for (const metric of TIMED_METRICS) {
    const { name, unit, help: description, bounds } = metric;
    const advice = { explicitBucketBoundaries: [...bounds] };
    histograms.set(metric, meter.createHistogram(name, { unit, description, advice }));
  }
  return (metric, seconds, labels) => histograms.get(metric)?.record(seconds, labels);
}

/** Has the counts read whenever the meter is; returns what ends that. */
export function readOn(meter: Meter, supervisor: SessionSupervisor): () => void {
  const observables = new Map<ReadMetric, Observable>(
    READ_METRICS.map((metric) => [metric, observable(meter, metric)]),
  );
  const read = (result: BatchObservableResult) => {
    const stats = supervisor.stats();
    const { value: state } = supervisor.actor.getSnapshot();
    for (const [metric, instrument] of observables) {
      for (const { labels, value } of metric.read(stats, state) ?? []) result.observe(instrument, value, labels);
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(read, all);
  return () => meter.removeBatchObservableCallback(read, all);
}

/** What is a number of things adds up over processes; a state, or a time, does not. */
function observable(meter: Meter, { name, kind, unit, help: description }: ReadMetric): Observable {
  const options = { unit, description };
  if (kind === 'counter') return meter.createObservableCounter(name, options);
  return unit.startsWith('{')
    ? meter.createObservableUpDownCounter(name, options)
    : meter.createObservableGauge(name, options);
}
