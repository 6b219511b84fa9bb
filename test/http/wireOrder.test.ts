/** Of several things that are wrong with a request, which one is answered: the first, in one order for all. */
import { expect, test } from 'vitest';
import { REFUSALS, type RefusalName } from '../../src/errors.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import { exchange, initialize } from '../support/wire.ts';

const OPTIONS: ServeOptions = {
  allowedHosts: ['127.0.0.1'],
  allowedOrigins: ['https://app.example'],
  maxRequestBodySize: 1_000,
  principal: ({ headers }) => {
    if (headers['x-user'] === 'nobody knows') throw new Error('who?');
    return undefined;
  },
};

type Change = Readonly<Record<string, string | undefined>>;

/** Sends a request with all of it wrong, then puts one thing right after the other; what each is answered with. */
async function refusals(
  { url }: Served,
  method: string,
  steps: readonly Change[],
  wrong: Change,
  body?: string,
): Promise<(string | undefined)[]> {
  let headers = wrong;
  const told: (string | undefined)[] = [];
  for (const step of [{}, ...steps]) {
    headers = { ...headers, ...step };
    const { status, text } = await exchange(
      method,
      url,
      headers,
      headers['content-length'] === '9999' ? undefined : body,
    );
    const { error } = text === '' ? {} : JSON.parse(text.replace(/^[^{]*/, ''));
    const row = Object.entries(REFUSALS).find(([, { message }]) => message === error?.message);
    expect(row?.[1].status ?? 200).toBe(status);
    told.push(row?.[0]);
  }
  return told;
}

const WRONG = {
  host: 'evil.example',
  origin: 'https://evil.example',
  accept: 'text/html',
  'content-type': 'text/plain',
  'content-encoding': 'gzip',
  'content-length': '9999',
  'mcp-protocol-version': '1999-12-31',
  'x-user': 'nobody knows',
  'mcp-session-id': 'unknown',
};

const HOST_AND_ORIGIN = [{ host: '127.0.0.1' }, { origin: 'https://app.example' }];
const ALL = { accept: 'application/json, text/event-stream' };

test('of a POST: host, origin, Accept, content type, encoding, length, version, principal, session, body', async () => {
  const served = await serve(OPTIONS);
  const { sessionId } = await initialize(served.url);
  const steps = [
    ...HOST_AND_ORIGIN,
    ALL,
    { 'content-type': 'application/json' },
    { 'content-encoding': undefined },
    { 'content-length': undefined },
    { 'mcp-protocol-version': '2025-11-25' },
    { 'x-user': undefined },
    { 'mcp-session-id': sessionId },
  ];
  expect(await refusals(served, 'POST', steps, WRONG, 'not JSON')).toEqual([
    'hostNotAllowed',
    'originNotAllowed',
    'notAcceptable',
    'unsupportedMediaType',
    'unsupportedEncoding',
    'bodyTooLarge',
    'unsupportedVersion',
    'principalFailed',
    'sessionNotFound',
    'parseError',
  ] satisfies RefusalName[]);
});

test('of a GET, without what only a body has', async () => {
  const served = await serve(OPTIONS);
  const steps = [...HOST_AND_ORIGIN, ALL, { 'mcp-protocol-version': '2025-11-25' }, { 'x-user': undefined }];
  const wrong = { ...WRONG, 'content-length': undefined };
  expect(await refusals(served, 'GET', steps, wrong)).toEqual([
    'hostNotAllowed',
    'originNotAllowed',
    'streamNotAcceptable',
    'unsupportedVersion',
    'principalFailed',
    'sessionNotFound',
  ] satisfies RefusalName[]);
});

test('of any other method: after host and origin, before everything else', async () => {
  const served = await serve(OPTIONS);
  const wrong = { ...WRONG, 'content-length': undefined };
  expect(await refusals(served, 'PUT', [...HOST_AND_ORIGIN, ALL], wrong)).toEqual([
    'hostNotAllowed',
    'originNotAllowed',
    'methodNotAllowed',
    'methodNotAllowed',
  ] satisfies RefusalName[]);
});
