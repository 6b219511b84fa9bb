/** Reads the body of a web-standard request: once, within bounds, and no longer than somebody waits for the answer. */
import type { Clock } from '../clock.ts';
import type { BodyFailure, BodyLimits, BodyResult } from '../transport/exchange.ts';
import { BodyBuffer } from './bodyBuffer.ts';
import type { Closing } from './closing.ts';

/** Never rejects. */
export async function readWebBody(
  request: Request,
  limits: BodyLimits,
  clock: Clock,
  closing: Closing,
): Promise<BodyResult> {
  const stream = request.body;
  if (request.bodyUsed || stream?.locked === true) return { failure: 'bodyConsumed' };
  const reader = stream?.getReader();
  const body = new BodyBuffer(limits, () => giveUp('bodiesFull'));
  if (reader === undefined) return body.text();
  let failure: BodyFailure | undefined;
  const giveUp = (why: BodyFailure) => {
    failure ??= why;
    body.clear();
    void reader.cancel().catch(() => {});
  };
  const timer = clock.setTimeout(() => giveUp('bodyTimeout'), limits.timeout);
  closing.add(() => giveUp('bodyAborted')); // nobody is left who could be answered
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (failure !== undefined) break;
      // A stream may have been made of anything.
      const failed = chunk.value instanceof Uint8Array ? body.push(chunk.value) : 'parseError';
      if (failed !== undefined) giveUp(failed);
    }
    return failure === undefined ? body.text() : { failure };
  } catch {
    return { failure: failure ?? 'bodyAborted' };
  } finally {
    clock.clearTimeout(timer);
    body.clear();
  }
}
