/** A supervisor on OpenTelemetry: spans and metrics by the conventions for MCP, and metrics of its own. */
import type { Meter, Tracer } from '@opentelemetry/api';
import type { SessionSupervisor } from '../index.ts';
import { measuring, newNames } from './measuring.ts';
import { readOn, recordOn } from './meter.ts';
import { checkOptions, DEFAULT_NAMES, type MetricOptions } from './options.ts';
import { loadOpenTelemetry } from './peer.ts';
import { pseudonyms } from './pseudonyms.ts';
import { type SpanParts, spanOf } from './spans.ts';
import { checkSupervisor } from './supervisorCheck.ts';
import { TraceContext } from './traceContext.ts';

/** Options of `instrument`. */
export interface InstrumentOptions extends MetricOptions {
  /** Where spans go. Default: the global one. */
  readonly tracerProvider?: { getTracer(name: string): object } | undefined;
  /** Where metrics go. Default: the global one. */
  readonly meterProvider?: { getMeter(name: string): object } | undefined;
  /** Whether spans show session ids, which are what a client is known by. Default false: keyed hashes stand for them. */
  readonly revealIds?: boolean | undefined;
  /** The key of these hashes: processes that share it show a session under one name. Default: one of each process. */
  readonly idKey?: string | undefined;
  /** Whether baggage is taken from the `_meta` of clients, and told to them. Default false. */
  readonly baggage?: boolean | undefined;
}

/** What `instrument` resolves to. */
export interface Instrumentation {
  /** Begins no more spans and reads no more counts. Spans that have begun still end. Twice is harmless. */
  stop(): void;
}

const NAME = 'mcp-session-supervisor';

/**
 * Has OpenTelemetry told of a supervisor: a span for each request and notification, within which its handler runs, and the
 * metrics. `docs/telemetry.md` has all names. Propagators, and a context manager, are those of the process.
 * @throws {SupervisorError} `PACKAGE_MISSING`, `NOT_A_SUPERVISOR`, `INVALID_OPTION` or `UNKNOWN_OPTION`: rejects with it
 * @example
 * ```ts
 * import { instrument } from 'mcp-session-supervisor/telemetry';
 *
 * const instrumentation = await instrument(supervisor); // after the SDK of OpenTelemetry has started
 * process.once('SIGTERM', () => supervisor.drain().then(() => instrumentation.stop()));
 * ```
 */
export async function instrument(
  supervisor: SessionSupervisor,
  options: InstrumentOptions = {},
): Promise<Instrumentation> {
  checkSupervisor(supervisor);
  checkOptions<InstrumentOptions>('instrument', options, {
    tracerProvider: 'object',
    meterProvider: 'object',
    revealIds: 'boolean',
    idKey: 'string',
    baggage: 'boolean',
    maxNames: 'number',
  });
  const api = await loadOpenTelemetry();
  const {
    tracerProvider = api.trace,
    meterProvider = api.metrics,
    revealIds = false,
    idKey,
    baggage = false,
  } = options;
  // Its types are OpenTelemetry's, which who has none of it could not compile.
  const meter = meterProvider.getMeter(NAME) as Meter;
  const names = newNames(options.maxNames ?? DEFAULT_NAMES);
  const parts: SpanParts = {
    api,
    tracer: tracerProvider.getTracer(NAME) as Tracer,
    traceContext: new TraceContext(api, baggage),
    names,
    shown: revealIds ? (id) => id : pseudonyms(idKey),
  };
  const stopReading = readOn(meter, supervisor); // before anybody observes: it may throw
  const stops = [
    // First, so that what an end teaches of names is known to the span that ends by it.
    supervisor.observe(measuring(names, recordOn(meter))),
    supervisor.observe({ operation: (operation) => spanOf(operation, parts) }),
    stopReading,
  ];
  return {
    stop: () => {
      for (const stop of stops.splice(0)) stop();
    },
  };
}
