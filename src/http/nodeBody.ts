/** Reads the body of a node:http request: once, within bounds, and whoever has touched its stream before. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';
import type { BodyFailure, BodyLimits, BodyResult } from '../transport/exchange.ts';
import { BodyBuffer } from './bodyBuffer.ts';

/** Why the body can't be read any more, where somebody was here before. */
function taken(request: IncomingMessage): BodyFailure | undefined {
  const { readableEncoding: encoding } = request;
  // An aborted request was not read by anybody: the client is gone.
  if (request.destroyed && !request.readableEnded) return 'bodyAborted';
  if (request.readableEnded || request.readableDidRead) return 'bodyConsumed';
  if (encoding !== null && encoding !== 'utf8' && encoding !== 'utf-8') return 'bodyDecoded';
  return undefined;
}

const READ = Promise.resolve();

/** Never rejects. */
export function readNodeBody(request: IncomingMessage, limits: BodyLimits, clock: Clock): Promise<BodyResult> {
  const failure = taken(request);
  if (failure !== undefined) return Promise.resolve({ failure });
  return new Promise((resolve) => {
    const body = new BodyBuffer(limits, () => settle({ failure: 'bodiesFull' }));
    let settled = false;
    const settle = (result: BodyResult) => {
      if (settled) return;
      settled = true;
      if (timer !== undefined) clock.clearTimeout(timer);
      body.clear();
      resolve(result);
    };
    const aborted = () => settle({ failure: 'bodyAborted' });
    let timer: unknown;
    // A body that came with its headers is there before this is: most do.
    void READ.then(() => {
      if (!settled) timer = clock.setTimeout(() => settle({ failure: 'bodyTimeout' }), limits.timeout);
    });
    // Text where a middleware has called setEncoding.
    request.on('data', (chunk: Buffer | string) => {
      if (settled) return;
      const failed = body.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      if (failed !== undefined) settle({ failure: failed });
    });
    request.on('end', () => {
      if (!settled) settle(body.text());
    });
    request.on('close', aborted);
    request.on('error', aborted);
  });
}
