/** What a request may look like over `fetch`: the same as over sockets, where hosts and bodies come another way. */
import { describe, expect, test } from 'vitest';
import { supervise } from '../support/serve.ts';
import { initializeBody } from '../support/wire.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

async function send(options: Parameters<typeof supervise>[0], url: string, init: RequestInit = {}) {
  const { supervisor, stop } = supervise(options);
  const headers = { ...HEADERS, ...(init.headers as Record<string, string>) };
  const body = JSON.stringify(initializeBody());
  const response = await supervisor.fetch(new Request(url, { method: 'POST', body, ...init, headers }));
  const answer = { status: response.status, text: await response.text(), sessions: [...supervisor.sessions()].length };
  await stop();
  return answer;
}

test.each([
  ['http://localhost/mcp', undefined, 200],
  ['http://localhost:3000/mcp', undefined, 200],
  ['http://mcp.example:8080/mcp', undefined, 200],
  ['http://mcp.example:8081/mcp', undefined, 403],
  ['http://evil.example/mcp', undefined, 403],
  ['http://evil.example/mcp', 'localhost', 200], // what the client said counts, not what a proxy made of it
  ['http://localhost/mcp', 'evil.example', 403],
])('sent to %s with the Host %s: %i', async (url, host, status) => {
  const allowedHosts = ['localhost', 'mcp.example:8080'];
  const answer = await send({ allowedHosts }, url, host === undefined ? {} : { headers: { host } });
  expect(answer.status).toBe(status);
  expect(answer.sessions).toBe(status === 200 ? 1 : 0);
});

const deep = `${'['.repeat(501)}${']'.repeat(501)}`;
test.each<[string, string | Uint8Array<ArrayBuffer>, number, number | undefined]>([
  ['with a byte order mark', `\ufeff${JSON.stringify(initializeBody())}`, 200, undefined],
  ['with two of them', `\ufeff\ufeff${JSON.stringify(initializeBody())}`, 400, -32700],
  ['nested too deep', deep, 400, -32600],
  ['of more than 4 MiB', '{'.padEnd(4_194_305), 413, -32000],
  ['of just 64 KiB', JSON.stringify(initializeBody()).padEnd(65_536), 200, undefined],
  ['in UTF-16', Buffer.from(JSON.stringify(initializeBody()), 'utf16le'), 400, -32700],
])('a body %s', async (_, body, status, code) => {
  const answer = await send({}, 'http://localhost/mcp', { body });
  expect(answer.status).toBe(status);
  if (code !== undefined) expect(JSON.parse(answer.text)).toMatchObject({ id: null, error: { code } });
  expect(answer.sessions).toBe(status === 200 ? 1 : 0);
});

describe('a Request of the host’s own', () => {
  const members = () => {
    const body = JSON.stringify(initializeBody());
    const request = new Request('http://localhost/mcp', { method: 'POST', headers: HEADERS, body });
    const { method, url, headers, signal } = request;
    return { method, url, headers, signal, body: request.body };
  };

  test('is answered, as long as it has what is used of one', async () => {
    const { supervisor, stop } = supervise();
    const response = await supervisor.fetch(members() as Request);
    expect(response.status).toBe(200);
    await response.text();
    await stop();
  });

  test.each([
    { method: undefined },
    { url: new URL('http://localhost/mcp') },
    { headers: undefined },
    { headers: HEADERS },
    { headers: Object.entries(HEADERS) },
    { signal: undefined },
    { signal: null },
    { signal: { aborted: false } },
  ])('is refused with %o', async (wrong) => {
    const { supervisor, stop } = supervise();
    await expect(supervisor.fetch({ ...members(), ...wrong } as Request)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/^What fetch answers must be a web-standard Request; got /),
    });
    await stop();
  });
});

test.each(['text', 7, true])('options of fetch that are %j are refused', async (options) => {
  const { supervisor, stop } = supervise();
  await expect(supervisor.fetch(new Request('http://localhost/'), options as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringMatching(/^The options of fetch must be an object; got /),
  });
  await stop();
});

test.each([null, () => {}])('options of fetch may be what a host passes to its handlers: %o', async (options) => {
  const { supervisor, stop } = supervise();
  expect((await supervisor.fetch(new Request('http://localhost/'), options as never)).status).toBe(406);
  await stop();
});
