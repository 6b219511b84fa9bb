/** Who may look: who has the token, comes by a name of this server, and from no page but its own. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SupervisorError } from '../../src/index.ts';
import { createInspection, type Inspector, type InspectorOptions, serveInspector } from '../../src/inspector/index.ts';
import { supervise } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';
import { closeCode, FeedClient, openSocket, statusOf } from './feedClient.ts';
import { inspect } from './inspect.ts';

async function inspector(options?: InspectorOptions): Promise<Inspector> {
  const { supervisor, stop } = supervise();
  onTestFinished(stop);
  return inspect(supervisor, options);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A request with a target and headers as they are given. */
function ask(
  { port }: Inspector,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const { statusCode: status = 0, headers: answered } = response;
      resolve({ status, headers: answered, text: Buffer.concat(chunks).toString() });
    });
    asking.on('error', reject);
    asking.end();
  });
}

const WRONG = 'a'.repeat(43);

describe('a WebSocket', () => {
  test.each(['/feed', '/stately'])('%s: is refused before the upgrade without the right token', async (path) => {
    const to = await inspector();
    for (const token of ['', WRONG, to.token.slice(1), `${to.token}x`, encodeURIComponent('ä')]) {
      expect([token, await statusOf(openSocket(to, { path, token }))]).toEqual([token, 403]);
    }
    expect(await statusOf(openSocket(to, { path }))).toBe(101);
  });

  test.each(['/feed', '/stately'])('%s: is refused to a page from elsewhere', async (path) => {
    const to = await inspector();
    const own = `http://127.0.0.1:${to.port}`;
    for (const origin of ['https://evil.example', `http://127.0.0.1:${to.port + 1}`, 'null', 'http://localhost', '']) {
      expect([origin, await statusOf(openSocket(to, { path, headers: { origin } }))]).toEqual([origin, 403]);
    }
    expect(await statusOf(openSocket(to, { path, headers: { origin: own } }))).toBe(101);
  });

  test('is open to an origin that is allowed', async () => {
    const to = await inspector({ allowedOrigins: ['https://dashboard.example'] });
    const from = (origin: string) => statusOf(openSocket(to, { headers: { origin } }));
    expect([await from('https://dashboard.example'), await from('http://dashboard.example')]).toEqual([101, 403]);
  });

  test('is refused under a name that was made to lead here', async () => {
    const to = await inspector({ allowedHosts: ['inspector.example'] });
    const under = (host: string) => statusOf(openSocket(to, { headers: { host } }));
    for (const host of ['evil.example', '127.0.0.1.evil.example', '127.0.0.1/..', 'a@127.0.0.1', 'x y']) {
      expect([host, await under(host).catch(() => 400)]).toEqual([host, expect.toBeOneOf([400, 403])]);
    }
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:9', '[::1]:80', '192.0.2.7', 'inspector.example']) {
      expect([host, await under(host)]).toEqual([host, 101]);
    }
  });

  test('is nowhere else', async () => {
    const to = await inspector();
    for (const path of ['/', '/feed/', '/nowhere']) expect(await statusOf(openSocket(to, { path }))).toBe(404);
    for (const path of ['/stately?state=asleep', '/stately?sample=2', '/stately?sample=0', '/stately?sample=x']) {
      expect(await statusOf(openSocket(to, { path }))).toBe(400);
    }
  });

  test('one who is refused and does not leave is not waited for', async () => {
    const to = await inspector();
    const socket = connect({ port: to.port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    const gone = new Promise((resolve) => socket.on('error', resolve));
    const head = `GET /feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    socket.write(head);
    let answer = '';
    socket.on('data', (data) => {
      answer += String(data);
    });
    await until(() => socket.readableEnded);
    const writing = setInterval(() => socket.write('still here'), 10);
    onTestFinished(() => clearInterval(writing));
    await withTimeout(gone, { what: 'the connection to be gone' });
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });
});

describe('the 101st viewer', () => {
  test('is refused, and let in when another one has left', async () => {
    const to = await inspector();
    const viewers = Array.from({ length: 100 }, (_, n) => openSocket(to, { path: n % 2 === 0 ? '/feed' : '/stately' }));
    expect(new Set(await Promise.all(viewers.map(statusOf)))).toEqual(new Set([101]));
    expect(await statusOf(openSocket(to))).toBe(503);
    viewers[0]?.close();
    await closeCode(viewers[0] as never);
    const client = await new FeedClient(to).synchronized();
    expect((await client.hello()).maxViewers).toBe(100);
  });
});

describe('the page', () => {
  test('needs the token; nothing is remembered, framed, or loaded from elsewhere', async () => {
    const to = await inspector();
    const refused = await ask(to, '/');
    expect([refused.status, refused.text]).toEqual([403, 'Open the URL that was printed, with its token.\n']);
    expect((await ask(to, `/?token=${WRONG}`)).status).toBe(403);
    const { pathname, search } = new URL(to.url);
    const page = await ask(to, pathname + search);
    expect(page.status).not.toBe(403);
    expect(page.headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  test('no path leads out of it', async () => {
    const to = await inspector();
    const token = `?token=${to.token}`;
    for (const path of ['/../package.json', '/..%2f..%2fpackage.json', '/%2e%2e/index.ts', '//etc/passwd', '/page']) {
      expect([path, (await ask(to, path + token)).status]).toEqual([path, 404]);
    }
    expect((await ask(to, `http://evil.example/${token}`, { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not answered', async (method) => {
    const to = await inspector();
    const answer = await ask(to, `/?token=${to.token}`, { method });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  test("Stately's is theirs in a frame, and may talk to nobody but this server", async () => {
    const to = await inspector();
    const { pathname, search } = new URL(to.statelyUrl);
    expect((await ask(to, pathname)).status).toBe(403);
    const page = await ask(to, pathname + search);
    expect(page.status).toBe(200);
    const policy = String(page.headers['content-security-policy']);
    const [, nonce = ''] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
    expect(policy).toBe(
      [
        "default-src 'none'",
        `script-src 'nonce-${nonce}'`,
        `style-src 'nonce-${nonce}'`,
        'frame-src https://stately.ai',
        `connect-src ws://127.0.0.1:${to.port}`,
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
    );
    expect(page.text).toContain(`<script nonce="${nonce}">`);
    const again = await ask(to, pathname + search);
    expect(again.text).not.toContain(nonce);
  });
});

describe('options', () => {
  const { supervisor, stop } = supervise();

  test.each([
    ['token', 'short'],
    ['token', 'a token with spaces in it'],
    ['port', -1],
    ['port', 65_536],
    ['maxViewers', 0],
    ['maxEnded', 1.5],
    ['interval', 1],
    ['pingInterval', Number.POSITIVE_INFINITY],
    ['maxViewerBuffer', Number.NaN],
    ['allowedOrigins', ['https://a.example/']],
    ['inspection', { inspect: () => {} }],
  ])('%s: %j is refused', async (name, value) => {
    onTestFinished(stop);
    const error = await serveInspector(supervisor, { [name]: value }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SupervisorError);
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(name) });
  });

  test('one that there is not is refused', async () => {
    const error = await serveInspector(supervisor, { prot: 1 } as InspectorOptions).catch((thrown: unknown) => thrown);
    const message = expect.stringMatching(/^serveInspector has no option prot; there are port, host, /);
    expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', message });
  });

  test.each([{ sample: 0 }, { sample: 2 }, { maxRate: 0 }, { maxActors: 0 }])('%j is no inspection', (options) => {
    expect(() => createInspection(options)).toThrow(SupervisorError);
  });

  test('a token of one’s own', async () => {
    const to = await inspector({ token: 'one-of-my-own_16' });
    expect(to.url).toBe(`http://127.0.0.1:${to.port}/?token=one-of-my-own_16`);
    expect(await statusOf(openSocket(to, { token: 'one-of-my-own_16' }))).toBe(101);
  });

  test('a port that is taken rejects, and nobody listens to the supervisor any more', async () => {
    const { port } = await inspector();
    const other = supervise();
    onTestFinished(other.stop);
    await expect(serveInspector(other.supervisor, { port })).rejects.toThrow('EADDRINUSE');
  });
});
