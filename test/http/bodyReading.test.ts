/** How a body is read by itself, on both adapters: what it comes to, and what is left behind when it does not come. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { BodyBuffer, decodeBody } from '../../src/http/bodyBuffer.ts';
import { Closing } from '../../src/http/closing.ts';
import { readNodeBody } from '../../src/http/nodeBody.ts';
import { readWebBody } from '../../src/http/webBody.ts';
import type { BodyLimits } from '../../src/transport/exchange.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const TIMEOUT = 700;

/** Limits whose budget counts what is taken from it, and evicts when the test says so. */
function limited(more: Partial<BodyLimits> = {}) {
  const budget = { taken: 0, shares: 0, evict: () => {} };
  const share = (evicted: () => void) => {
    budget.shares++;
    budget.evict = evicted;
    let own = 0;
    const take = (bytes: number) => {
      own += bytes;
      budget.taken += bytes;
      return true;
    };
    const release = () => {
      budget.taken -= own;
      own = 0;
    };
    return { take, release };
  };
  const limits: BodyLimits = { maxBytes: 10, declared: Number.NaN, timeout: TIMEOUT, budget: { share }, ...more };
  return { budget, limits };
}

describe('the bytes of a body', () => {
  test('are its text, however many chunks they come in', () => {
    const { limits } = limited({ maxBytes: 1_000 });
    const body = new BodyBuffer(limits, () => {});
    const text = 'ü'.repeat(300);
    for (const byte of Buffer.from(text)) expect(body.push(Uint8Array.of(byte))).toBeUndefined();
    expect(body.text()).toEqual({ text, size: 600 });
  });

  test('take nothing of the budget where they come in one piece, as declared', () => {
    const { budget, limits } = limited({ declared: 2 });
    const body = new BodyBuffer(limits, () => {});
    body.push(Buffer.from('{}'));
    expect([budget.shares, body.text()]).toEqual([0, { text: '{}', size: 2 }]);
  });

  test('are no text where they are no UTF-8', () => {
    expect(decodeBody(Buffer.from('é', 'latin1'))).toEqual({ failure: 'parseError' });
  });
});

describe('on Node', () => {
  function reading(state: object = {}, more: Partial<BodyLimits> = {}) {
    const request = Object.assign(new EventEmitter(), {
      readableEncoding: null,
      destroyed: false,
      readableEnded: false,
      readableDidRead: false,
      ...state,
    });
    const clock = new WatchedClock();
    const { budget, limits } = limited(more);
    const result = readNodeBody(request as unknown as IncomingMessage, limits, clock);
    return { request, clock, budget, result };
  }

  test.each([
    ['its client has gone', { destroyed: true }, 'bodyAborted'],
    ['it was read', { readableEnded: true }, 'bodyConsumed'],
    ['it was read and its stream destroyed', { readableEnded: true, destroyed: true }, 'bodyConsumed'],
    ['it was read in part', { readableDidRead: true }, 'bodyConsumed'],
    ['it was decoded by somebody', { readableEncoding: 'latin1' }, 'bodyDecoded'],
  ])('none can be read where %s', async (_, state, failure) => {
    const { request, result } = reading(state);
    expect(await result).toEqual({ failure });
    expect(request.eventNames()).toEqual([]);
  });

  test.each([null, 'utf8', 'utf-8'])('bytes and text are read, where the encoding is %s', async (readableEncoding) => {
    const { request, clock, budget, result } = reading({ readableEncoding });
    request.emit('data', Buffer.from('ü'));
    request.emit('data', 'ü');
    request.emit('end');
    expect(await result).toEqual({ text: 'üü', size: 4 });
    await turns(1);
    expect([clock.calls, budget.taken]).toEqual([{ setTimeout: 0, clearTimeout: 0 }, 0]);
  });

  test.each<[string, (what: ReturnType<typeof reading>) => unknown, string]>([
    ['close', ({ request }) => request.emit('close'), 'bodyAborted'],
    ['error', ({ request }) => request.emit('error', new Error('gone')), 'bodyAborted'],
    ['too much', ({ request }) => request.emit('data', 'x'.repeat(10)), 'bodyTooLarge'],
    ['time', ({ clock }) => clock.increment(TIMEOUT), 'bodyTimeout'],
    ['others', ({ budget }) => budget.evict(), 'bodiesFull'],
  ])('one that is ended by %s is given up, and what comes then takes nothing', async (_, end, failure) => {
    const what = reading();
    what.request.emit('data', 'x');
    await turns(1); // else it would have come with its headers
    end(what);
    what.request.emit('data', 'x');
    what.request.emit('end');
    expect(await what.result).toEqual({ failure });
    expect([what.clock.pending, what.budget.taken]).toEqual([[], 0]);
  });
});

describe('over fetch', () => {
  function reading(body: string | ReadableStream | null) {
    const request = new Request('http://a.example/', { method: 'POST', body, duplex: 'half' } as never);
    const clock = new WatchedClock();
    const closing = new Closing(false, { log: () => {} });
    const { budget, limits } = limited();
    return { clock, budget, closing, result: readWebBody(request, limits, clock, closing) };
  }

  test('one that is not there is empty', async () => {
    expect(await reading(null).result).toEqual({ text: '', size: 0 });
  });

  test('one is read whole', async () => {
    const { clock, budget, result } = reading('ü');
    expect(await result).toEqual({ text: 'ü', size: 2 });
    expect([clock.pending, budget.taken]).toEqual([[], 0]);
  });

  test.each<[string, (what: ReturnType<typeof reading>) => unknown, string]>([
    ['its exchange', ({ closing }) => closing.end(), 'bodyAborted'],
    ['time', ({ clock }) => clock.increment(TIMEOUT), 'bodyTimeout'],
    ['others', ({ budget }) => budget.evict(), 'bodiesFull'],
  ])('one that is ended by %s is given up', async (_, end, failure) => {
    let cancelled = false;
    const start = (controller: ReadableStreamDefaultController) => controller.enqueue(Buffer.from('x'));
    const cancel = () => {
      cancelled = true;
    };
    const what = reading(new ReadableStream({ start, cancel }));
    await turns(2);
    end(what);
    expect(await what.result).toEqual({ failure });
    expect([what.clock.pending, what.budget.taken, cancelled]).toEqual([[], 0, true]);
  });
});
