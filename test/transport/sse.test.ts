/** Server-sent events, byte by byte: what stands on the wire. */
import { expect, test } from 'vitest';
import { BEGINNING, KEEP_ALIVE, messageFrame, primingFrame, retryFrame, sseHeaders } from '../../src/transport/sse.ts';

test('frames and comments each end with an empty line', () => {
  expect([KEEP_ALIVE, BEGINNING]).toEqual([': keep-alive\n\n', ': stream\n\n']);
  expect(messageFrame('{}')).toBe('event: message\ndata: {}\n\n');
  expect(messageFrame('{}', '0_e1')).toBe('event: message\nid: 0_e1\ndata: {}\n\n');
  expect(primingFrame('0_e0')).toBe('id: 0_e0\ndata: \n\n');
  expect(retryFrame(1_500.2)).toBe('retry: 1501\n\n');
});

test('a stream is not to be kept nor held back on its way, and names its session where it has one', () => {
  const headers = {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  };
  expect(sseHeaders(undefined)).toStrictEqual(headers);
  expect(sseHeaders('s')).toStrictEqual({ ...headers, 'Mcp-Session-Id': 's' });
});
