/**
 * A stream of the web-standard handler that has no message yet: it begins all the same, because some hosts wait for that.
 * Clients of older versions get a comment, which is all that they take; others are told when to come back.
 */
import { expect, onTestFinished, test } from 'vitest';
import { supervise } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';
import { callBody, initializeBody, sessionHeaders } from '../support/wire.ts';

const ENDPOINT = 'http://localhost/mcp';
const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

async function open(protocolVersion: string) {
  const observed = supervise();
  onTestFinished(observed.stop);
  const send = (init: RequestInit) => observed.supervisor.fetch(new Request(ENDPOINT, init));
  const opened = await send({
    method: 'POST',
    headers: POST_HEADERS,
    body: JSON.stringify(initializeBody({ protocolVersion })),
  });
  await opened.text();
  return { ...observed, send, headers: sessionHeaders(opened.headers.get('mcp-session-id') ?? '', protocolVersion) };
}

/** The first that a body has, as text. */
async function firstOf({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const first = await withTimeout(reader?.read() ?? Promise.reject(new Error('no body')), { what: 'the first bytes' });
  await reader?.cancel();
  return new TextDecoder().decode(first.value);
}

const BEGINNINGS: readonly (readonly [version: string, beginning: string])[] = [
  ['2025-11-25', 'retry: \\d+\n\n'],
  ['2025-06-18', ': stream\n\n'],
];

test.each(BEGINNINGS)('a GET stream begins at once, in a session of %s', async (version, beginning) => {
  const { send, headers } = await open(version);
  const stream = await send({ headers: { accept: 'text/event-stream', ...headers } });
  expect(await firstOf(stream)).toMatch(new RegExp(`^${beginning}$`));
});

test.each(BEGINNINGS)('a call that takes its time begins at once, in a session of %s', async (version, beginning) => {
  const { send, headers, gates } = await open(version);
  const body = JSON.stringify(callBody('gate', { key: 'slow' }));
  const stream = await send({ method: 'POST', headers: { ...POST_HEADERS, ...headers }, body });
  await gates.entered('slow');
  const text = withTimeout(stream.text(), { what: 'the whole answer' });
  gates.open('slow');
  expect(await text).toMatch(new RegExp(`^${beginning}event: message\ndata: .*passed slow.*\n\n$`));
});

test.each(BEGINNINGS)('a call that is answered at once has no beginning, in a session of %s', async (version) => {
  const { send, headers } = await open(version);
  const body = JSON.stringify(callBody('echo', { text: 'quick' }));
  const stream = await send({ method: 'POST', headers: { ...POST_HEADERS, ...headers }, body });
  expect(await withTimeout(stream.text())).toMatch(/^event: message\ndata: .*quick.*\n\n$/);
});
