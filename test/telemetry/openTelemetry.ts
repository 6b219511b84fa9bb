/** OpenTelemetry's SDK with exporters in memory, as a process has it that is traced. */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';
import type { SessionSupervisor } from '../../src/index.ts';
import { type InstrumentOptions, instrument } from '../../src/telemetry/index.ts';
import { until } from '../support/until.ts';

export interface Traced {
  readonly tracerProvider: BasicTracerProvider;
  /** Spans that have ended, oldest first. */
  spans(): readonly ReadableSpan[];
  /** The last span of this name, when it has ended. */
  span(name: string): Promise<ReadableSpan>;
  /** All metrics, as an exporter has them. */
  metrics(): Promise<ReadonlyMap<string, MetricData>>;
  stop(): void;
}

/** The context manager and the propagators are the process's, and stay. */
function installed(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
}

export async function traced(supervisor: SessionSupervisor, options: InstrumentOptions = {}): Promise<Traced> {
  installed();
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const { stop } = await instrument(supervisor, { tracerProvider, meterProvider, ...options });
  onTestFinished(async () => {
    stop();
    await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    trace.disable();
  });
  const spans = () => exporter.getFinishedSpans();
  return {
    tracerProvider,
    spans,
    span: async (name) => {
      const find = () => spans().findLast((span) => span.name === name);
      return (await until(find, { what: `the span ${name}` })) as ReadableSpan;
    },
    metrics: async () => {
      metricExporter.reset();
      await meterProvider.forceFlush();
      const metrics = metricExporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics));
      return new Map(metrics.map((data) => [data.descriptor.name, data]));
    },
    stop,
  };
}
