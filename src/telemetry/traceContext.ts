/** Trace context as MCP carries it: in `params._meta`, under the names of the W3C, without a prefix (SEP-414). */
import type { Context, TextMapGetter } from '@opentelemetry/api';
import type { OpenTelemetry } from './peer.ts';

type Meta = Readonly<Record<string, unknown>>;

/** The longest value that is looked at, in characters: as much as the W3C asks of whoever passes `tracestate` on. */
const MAX_LENGTH = 512;

/** The same for `baggage`. */
const MAX_BAGGAGE = 8_192;

const BAGGAGE = 'baggage';

export class TraceContext {
  readonly #api: OpenTelemetry;
  readonly #baggage: boolean;
  readonly #getter: TextMapGetter<Meta>;

  /** `baggage` says whether it is taken from clients, and told to them. */
  constructor(api: OpenTelemetry, baggage: boolean) {
    this.#api = api;
    this.#baggage = baggage;
    const isTaken = (meta: Meta, name: string) => {
      const value = Object.hasOwn(meta, name) ? meta[name] : undefined;
      if (typeof value !== 'string' || (name === BAGGAGE && !baggage)) return false;
      return value.length <= (name === BAGGAGE ? MAX_BAGGAGE : MAX_LENGTH);
    };
    this.#getter = {
      get: (meta, name) => (isTaken(meta, name) ? (meta[name] as string) : undefined),
      keys: (meta) => Object.keys(meta).filter((name) => isTaken(meta, name)),
    };
  }

  /** The context that a request came with, upon the ambient one; the ambient one where it came with none. */
  extract(ambient: Context, meta: unknown): Context {
    if (typeof meta !== 'object' || meta === null) return ambient;
    return this.#api.propagation.extract(ambient, meta as Meta, this.#getter);
  }

  /** What a request is to carry that is sent within a context. */
  inject(context: Context): Record<string, string> {
    const { propagation } = this.#api;
    const carrier: Record<string, string> = {};
    propagation.inject(this.#baggage ? context : propagation.deleteBaggage(context), carrier);
    return carrier;
  }
}
