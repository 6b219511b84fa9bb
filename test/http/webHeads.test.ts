/** A stream of the web-standard handler that has nothing to say yet: it says so, because some hosts wait for that. */
import { expect, onTestFinished, test } from 'vitest';
import { supervise } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';
import { callBody, initializeBody, sessionHeaders } from '../support/wire.ts';

const ENDPOINT = 'http://localhost/mcp';
const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

async function open() {
  const observed = supervise();
  onTestFinished(observed.stop);
  const send = (init: RequestInit) => observed.supervisor.fetch(new Request(ENDPOINT, init));
  const opened = await send({ method: 'POST', headers: POST_HEADERS, body: JSON.stringify(initializeBody()) });
  await opened.text();
  return { ...observed, send, headers: sessionHeaders(opened.headers.get('mcp-session-id') ?? '') };
}

/** The first that a body has, as text. */
async function firstOf({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const first = await withTimeout(reader?.read() ?? Promise.reject(new Error('no body')), { what: 'the first bytes' });
  await reader?.cancel();
  return new TextDecoder().decode(first.value);
}

test('a GET stream begins with a comment', async () => {
  const { send, headers } = await open();
  const stream = await send({ headers: { accept: 'text/event-stream', ...headers } });
  expect(await firstOf(stream)).toMatch(/^:.*\n\n$/);
});

test('a call that takes its time begins with a comment, once', async () => {
  const { send, headers, gates } = await open();
  const body = JSON.stringify(callBody('gate', { key: 'slow' }));
  const stream = await send({ method: 'POST', headers: { ...POST_HEADERS, ...headers }, body });
  await gates.entered('slow');
  const text = withTimeout(stream.text(), { what: 'the whole answer' });
  gates.open('slow');
  expect(await text).toMatch(/^:.*\n\nevent: message\ndata: .*passed slow.*\n\n$/);
});

test('a call that is answered at once has no comment', async () => {
  const { send, headers } = await open();
  const body = JSON.stringify(callBody('echo', { text: 'quick' }));
  const stream = await send({ method: 'POST', headers: { ...POST_HEADERS, ...headers }, body });
  expect(await withTimeout(stream.text())).toMatch(/^event: message\ndata: .*quick.*\n\n$/);
});
