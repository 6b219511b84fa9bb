/** Both adapters answer the table of host cases alike: node:http over real sockets, and `supervisor.fetch`. */
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Served, type ServeOptions, serve, supervise } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';
import { CORS_ORIGIN, HOST_CASES, type HostInit, type HostSend, runCase } from './hostCases.ts';

/** Like `fetch`, but that the names of headers go out as they are written. */
const sendRaw: HostSend = (url, { method, headers, body, signal }: HostInit) =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent: false, ...(signal !== undefined && { signal }) });
    for (const [name, value] of headers) outgoing.setHeader(name, value);
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const fields = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      const text = method === 'HEAD' || [204, 304].includes(answer.statusCode ?? 0) ? null : Readable.toWeb(answer);
      resolve(new Response(text as ReadableStream | null, { status: answer.statusCode ?? 0, headers: fields }));
    });
    if (body instanceof ReadableStream) Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]).pipe(outgoing);
    else outgoing.end(body);
  });

interface Adapter {
  readonly served: Pick<Served, 'supervisor' | 'log' | 'url'>;
  readonly send: HostSend;
  stop(): Promise<void>;
}

const ADAPTERS: Readonly<Record<string, (options: ServeOptions) => Promise<Adapter>>> = {
  'node:http': async (options) => {
    const served = await serve({ autoClose: false, ...options });
    return { served, send: sendRaw, stop: served.close };
  },
  'supervisor.fetch': async (options) => {
    const observed = supervise(options);
    const send: HostSend = (url, init) => observed.supervisor.fetch(new Request(url, init));
    return { served: { ...observed, url: 'http://127.0.0.1/mcp' }, send, stop: observed.stop };
  },
};

const KINDS: Readonly<Record<string, ServeOptions>> = {
  plain: {},
  json: { enableJsonResponse: true },
  cors: { cors: [CORS_ORIGIN] },
};

/** A case of no kind is run on the plain endpoint, where nobody has read the body. */
const kindOf = (only: string | undefined) => (only === undefined || only === 'unread' ? 'plain' : only);

describe.each(Object.entries(ADAPTERS))('%s', (_, start) => {
  describe.each(Object.entries(KINDS))('%s', (kind, options) => {
    const cases = HOST_CASES.filter(({ only }) => kindOf(only) === kind);
    let adapter: Adapter;
    beforeAll(async () => {
      adapter = await start(options);
    });
    afterAll(() => adapter.stop());

    test.each(cases)('$name', async (hostCase) => {
      const { served, send } = adapter;
      const wrong = await withTimeout(runCase(hostCase, send, served.url), { what: 'the case to be over' });
      expect(wrong).toEqual([]);
      const busy = () => [...served.supervisor.sessions()].filter(({ inFlight }) => inFlight > 0);
      await until(() => busy().length === 0, { what: 'nothing to be in flight' });
      expect(served.log.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });
});

test('no two cases have the same name', () => {
  expect(new Set(HOST_CASES.map(({ name }) => name)).size).toBe(HOST_CASES.length);
});
