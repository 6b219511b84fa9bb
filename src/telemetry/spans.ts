/**
 * Operations as spans, by the conventions of OpenTelemetry for MCP. What a client says stands on spans alone, cut where it
 * is long; arguments and results never do.
 */
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import type { Operation, OperationEnd, OperationObserver } from '../index.ts';
import type { NamesOfServer } from './names.ts';
import { errorType, NETWORK, statusCode, targetOf } from './operationLabels.ts';
import type { OpenTelemetry } from './peer.ts';
import type { TraceContext } from './traceContext.ts';

/** The longest text on a span, in characters. */
const MAX_TEXT = 1_024;

/** Methods whose requests are about one resource. */
const OF_RESOURCES = new Set(['resources/read', 'resources/subscribe', 'resources/unsubscribe']);

export interface SpanParts {
  readonly api: OpenTelemetry;
  readonly tracer: Tracer;
  readonly traceContext: TraceContext;
  readonly names: NamesOfServer;
  /** How a session id is shown. */
  readonly shown: (id: string) => string;
}

/** Begins the span of an operation. */
export function spanOf(operation: Operation, parts: SpanParts): OperationObserver {
  return operation.side === 'server' ? new ServerSpan(operation, parts) : new ClientSpan(operation, parts);
}

class ServerSpan implements OperationObserver {
  readonly #operation: Operation;
  readonly #parts: SpanParts;
  readonly #span: Span;
  readonly #context: Context;

  constructor(operation: Operation, parts: SpanParts) {
    const { api, tracer, traceContext } = parts;
    const ambient = api.context.active();
    const around = api.trace.getSpanContext(ambient);
    const parent = traceContext.extract(ambient, operation.params?.['_meta']);
    // Whoever brought the request here (HTTP) is linked, where the client's own span is the parent.
    const isRemote = api.trace.getSpanContext(parent) !== around;
    const links = isRemote && around !== undefined ? [{ context: around }] : [];
    const attributes = attributesOf(operation, parts);
    const options = { kind: api.SpanKind.SERVER, attributes, links };
    this.#operation = operation;
    this.#parts = parts;
    this.#span = tracer.startSpan(nameOf(operation, parts.names), options, parent);
    this.#context = api.trace.setSpan(parent, this.#span);
  }

  run<T>(body: () => T): T {
    return this.#parts.api.context.with(this.#context, body);
  }

  end(end: OperationEnd): void {
    this.#span.updateName(nameOf(this.#operation, this.#parts.names)); // it may be known by now
    finish(this.#span, end, isOurs(end), this.#parts.api);
  }
}

class ClientSpan implements OperationObserver {
  readonly #parts: SpanParts;
  readonly #span: Span;
  readonly #context: Context;

  constructor(operation: Operation, parts: SpanParts) {
    const { api, tracer, names } = parts;
    const parent = api.context.active();
    const options = { kind: api.SpanKind.CLIENT, attributes: attributesOf(operation, parts) };
    this.#parts = parts;
    this.#span = tracer.startSpan(nameOf(operation, names), options, parent);
    this.#context = api.trace.setSpan(parent, this.#span);
  }

  meta(): Record<string, string> {
    return this.#parts.traceContext.inject(this.#context);
  }

  end(end: OperationEnd): void {
    finish(this.#span, end, end.outcome !== 'answered' && end.outcome !== 'cancelled', this.#parts.api);
  }
}

/** The name of a span: its method, and its tool or prompt where there is one of that name. */
function nameOf(operation: Operation, names: NamesOfServer): string {
  const target = targetOf(operation);
  const method = cut(operation.method);
  return target !== undefined && names[target.of].has(target.name) ? `${method} ${target.name}` : method;
}

function attributesOf(operation: Operation, { shown }: SpanParts): Attributes {
  const { method, id, params, sessionId, protocolVersion } = operation;
  const target = targetOf(operation);
  const uri = OF_RESOURCES.has(method) ? params?.['uri'] : undefined;
  return {
    'mcp.method.name': cut(method),
    ...NETWORK,
    ...(protocolVersion !== undefined && { 'mcp.protocol.version': cut(protocolVersion) }),
    ...(sessionId !== undefined && { 'mcp.session.id': shown(sessionId) }),
    ...(id !== undefined && { 'jsonrpc.request.id': cut(String(id)) }),
    ...(method === 'tools/call' && { 'gen_ai.operation.name': 'execute_tool' }),
    ...(target?.of === 'tools' && { 'gen_ai.tool.name': cut(target.name) }),
    ...(target?.of === 'prompts' && { 'gen_ai.prompt.name': cut(target.name) }),
    ...(typeof uri === 'string' && { 'mcp.resource.uri': cut(uri) }),
  };
}

function finish(span: Span, end: OperationEnd, failed: boolean, { SpanStatusCode }: OpenTelemetry): void {
  const type = errorType(end);
  if (type !== undefined) span.setAttribute('error.type', type);
  const code = statusCode(end);
  if (code !== undefined) span.setAttribute('rpc.response.status_code', code);
  if (failed) {
    const message = end.message === undefined ? {} : { message: cut(end.message) };
    span.setStatus({ code: SpanStatusCode.ERROR, ...message });
  }
  span.end();
}

/** What a client did wrong, or does not want any more, is no failure of the server. */
function isOurs({ outcome, code }: OperationEnd): boolean {
  if (outcome === 'error') return code === -32603 || (code !== undefined && code <= -32000 && code >= -32099);
  return outcome !== 'answered' && outcome !== 'cancelled' && outcome !== 'clientGone';
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
