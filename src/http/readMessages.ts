/** Reads the body of an exchange and says what it is; whatever can't be read or understood is refused here. */
import { nestsTooDeep } from '../protocol/depth.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { type Classified, classify } from './classify.ts';
import { bodyLimit } from './guards.ts';

/** Reads and classifies the body; undefined when it was refused. */
export async function readMessages(
  { options }: Supervisor,
  exchange: Exchange,
): Promise<Exclude<Classified, { kind: 'refused' }> | undefined> {
  let body = exchange.parsedBody;
  let length: number | undefined;
  if (body === undefined) {
    const result = await exchange.readBody(bodyLimit(exchange, options), options.requestBodyTimeout);
    if ('failure' in result) return void refuse(exchange, result.failure);
    body = result.text;
  }
  if (typeof body === 'string') {
    length = body.length;
    try {
      body = JSON.parse(body);
    } catch {
      return void refuse(exchange, 'parseError');
    }
  }
  if (nestsTooDeep(body, length)) return void refuse(exchange, 'nestedTooDeep');
  const classified = classify(body);
  return classified.kind === 'refused' ? void refuse(exchange, classified.refusal, classified.id) : classified;
}
