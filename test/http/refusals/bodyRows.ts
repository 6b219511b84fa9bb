/** Refused for a body that is too much, too slow, or can not be read. */
import { ReadableStream } from 'node:stream/web';
import { expect } from 'vitest';
import type { RefusalName } from '../../../src/errors.ts';
import { toNodeHandler } from '../../../src/node.ts';
import { advance } from '../../support/simulatedClock.ts';
import { until } from '../../support/until.ts';
import { initializeBody, post, rawSocket } from '../../support/wire.ts';
import { fetched, RETRY, type Row } from './row.ts';

export const BODY_ROWS = {
  bodyTooLarge: {
    ...{ status: 413, code: -32000, message: 'Payload Too Large' },
    options: { maxRequestBodySize: 1_000 },
    send: ({ url }) => post(url, JSON.stringify(initializeBody()).padEnd(1_001)),
  },
  bodiesFull: {
    ...{ status: 503, code: -32000, message: 'Service Unavailable: too many bodies are being read' },
    headers: RETRY,
    options: { maxRequestBodySize: 1_000 },
    send: async ({ port, httpServer }) => {
      const read: (() => number)[] = [];
      httpServer.on('connection', (socket) => read.push(() => socket.bytesRead));
      const uploads = await Promise.all(Array.from({ length: 64 }, () => rawSocket(port)));
      for (const raw of uploads) {
        raw.begin('POST', { 'content-length': '1000' });
        raw.write(' '.repeat(999));
      }
      await until(() => read.filter((bytes) => bytes() > 999).length === 64, { what: 'all of it to have come' });
      const late = await rawSocket(port);
      late.begin('POST', { 'content-length': '1000' });
      late.write(' '.repeat(999));
      const { body, ...head } = await late.readResponse();
      return { ...head, text: body };
    },
  },
  initializeTooLarge: {
    ...{ status: 413, code: -32000, message: 'Payload Too Large: the initialize is larger than this server takes' },
    id: 'large',
    send: ({ url }) => post(url, JSON.stringify(initializeBody({}, 'large')).padEnd(65_537)),
  },
  bodyTimeout: {
    ...{ status: 408, code: -32000, message: 'Request Timeout: the body took too long' },
    within: true,
    options: { requestBodyTimeout: 7_000 },
    send: async ({ port, clock, supervisor, session }) => {
      const raw = await rawSocket(port);
      raw.begin('POST', { 'content-length': '100', 'mcp-session-id': session['mcp-session-id'] ?? '' });
      await until(() => [...supervisor.sessions()][0]?.state === 'active', { what: 'the body to be awaited' });
      await advance(clock, 6_999);
      expect(raw.received).toBe('');
      await advance(clock, 1);
      const { body, ...head } = await raw.readResponse();
      return { ...head, text: body };
    },
  },
  bodyAborted: {
    // Over a socket nobody is left to be told; a web-standard host may still ask.
    ...{ status: 400, code: -32000, message: 'Bad Request: the body ended early' },
    send: (to) => {
      const cut = new ReadableStream({ pull: (controller) => controller.error(new Error('cut')) });
      return fetched(to, {}, cut);
    },
  },
  bodyConsumed: {
    ...{ status: 400, code: -32000 },
    message: 'Bad Request: the body was read before it reached this handler; pass what was read on as parsedBody',
    options: {
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => req.resume().on('end', () => void handle(req, res));
      },
    },
    send: ({ url }) => post(url, initializeBody()),
  },
  bodyDecoded: {
    ...{ status: 400, code: -32000 },
    message: 'Bad Request: the body was given another encoding than UTF-8 before it reached this handler',
    options: {
      behind: (supervisor) => {
        const handle = toNodeHandler(supervisor);
        return (req, res) => void handle(req.setEncoding('latin1'), res);
      },
    },
    send: ({ url }) => post(url, initializeBody()),
  },
  parseError: {
    ...{ status: 400, code: -32700, message: 'Parse error: invalid JSON' },
    send: ({ url }) => post(url, '{"jsonrpc": "2.0", '),
  },
} satisfies Partial<Record<RefusalName, Row>>;
