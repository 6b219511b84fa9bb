/**
 * Reads the body of an exchange and says what it is; whatever can't be read or understood is refused here. What a body
 * may be is judged whoever has read it.
 */
import { nestsTooDeep } from '../protocol/depth.ts';
import { isFirstOfNoSession } from '../protocol/era.ts';
import { messageId } from '../protocol/messages.ts';
import { isSupportedVersion } from '../protocol/versions.ts';
import { weigh } from '../protocol/weight.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { BodyResult, Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { bodyBudgetOf } from './bodyBudget.ts';
import { decodeBody, withoutMark } from './bodyBuffer.ts';
import { type Classified, classify } from './classify.ts';
import { refusalOf } from './guards.ts';

/**
 * How many JSON values an initialize, or a request to listen, may hold: what it says is kept for as long as its session or
 * its stream lives, and a short text can hold many objects, which take far more memory than it.
 */
const MAX_INITIALIZE_VALUES = 2_000;

/**
 * What an initialize may take in memory, in bytes, besides two for each of `maxInitializeSize`. 2 000 objects, each with
 * a name that no other has, would take more than 500 KiB; what clients of today send takes some 5.
 */
const MAX_INITIALIZE_STRUCTURE = 128 * 1024;

/** What a body was found to be. */
export type ReadMessages = Exclude<Classified, { kind: 'refused' }>;

/** A body that was parsed, by us or before; `size` in bytes and `text` where it was by us. */
export interface ReadJson {
  readonly body: unknown;
  readonly size: number | undefined;
  readonly text: string | undefined;
}

/** Reads the body; undefined when it was refused. */
export async function readJson(supervisor: Supervisor, exchange: Exchange): Promise<ReadJson | undefined> {
  const { maxRequestBodySize, requestBodyTimeout } = supervisor.options;
  let body = exchange.parsedBody;
  let size: number | undefined;
  let text: string | undefined;
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    const result =
      body === undefined
        ? await exchange.readBody({
            maxBytes: maxRequestBodySize,
            declared: Number(exchange.headers['content-length'] ?? Number.NaN),
            timeout: requestBodyTimeout,
            budget: bodyBudgetOf(supervisor),
          })
        : decoded(body, maxRequestBodySize);
    if ('failure' in result) return void refuse(exchange, result.failure);
    ({ size, text } = result);
    try {
      body = JSON.parse(text);
    } catch {
      return void refuse(exchange, 'parseError');
    }
    if (nestsTooDeep(body, text.length)) return void refuse(exchange, 'nestedTooDeep', messageId(body));
  } else {
    const { bytes, tooDeep } = weigh(body, { bytes: maxRequestBodySize });
    if (bytes > maxRequestBodySize) return void refuse(exchange, 'bodyTooLarge');
    if (tooDeep) return void refuse(exchange, 'nestedTooDeep', messageId(body));
  }
  return { body, size, text };
}

/** Reads and classifies the body; undefined when it was refused. */
export async function readMessages(supervisor: Supervisor, exchange: Exchange): Promise<ReadMessages | undefined> {
  const json = await readJson(supervisor, exchange);
  return json && judge(supervisor, exchange, json);
}

/** Says what a body is that was read; undefined when it was refused. */
export function judge(
  { options }: Supervisor,
  exchange: Exchange,
  { body, size, text }: ReadJson,
): ReadMessages | undefined {
  const classified = classify(body, text);
  if (classified.kind === 'refused') return void refuse(exchange, classified.refusal, classified.id);
  if (classified.kind === 'initialize') {
    if (!isTooLargeToKeep({ body, size }, options.maxInitializeSize)) return classified;
    return void refuse(exchange, 'initializeTooLarge', classified.message.id);
  }
  const version = exchange.headers['mcp-protocol-version'];
  if (version === undefined || isSupportedVersion(version)) return classified;
  // What is of no session is told so in the words of its own era.
  if (options.modern === 'serve' && classified.messages.some(isFirstOfNoSession)) return classified;
  return void refuse(exchange, refusalOf(version, options), messageId(body));
}

/** A body that somebody else has read, and not parsed. */
function decoded(body: string | Uint8Array, maxBytes: number): BodyResult {
  const size = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  if (size > maxBytes) return { failure: 'bodyTooLarge' };
  return typeof body === 'string' ? { text: withoutMark(body), size } : decodeBody(body);
}

/** Whether an initialize, or a request to listen, is more than the option allows. */
export function isTooLargeToKeep({ body, size }: Pick<ReadJson, 'body' | 'size'>, maxInitializeSize: number): boolean {
  // A value takes a byte at least: most texts are too short for too many.
  if (size !== undefined && size <= Math.min(maxInitializeSize, MAX_INITIALIZE_VALUES)) return false;
  const memory = 2 * maxInitializeSize + MAX_INITIALIZE_STRUCTURE;
  const weight = weigh(body, { bytes: maxInitializeSize, values: MAX_INITIALIZE_VALUES, memory });
  if (weight.values > MAX_INITIALIZE_VALUES || weight.memory > memory) return true;
  return (size ?? weight.bytes) > maxInitializeSize;
}
