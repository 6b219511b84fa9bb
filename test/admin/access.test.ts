/** Who may ask what: health anybody, the rest by a name of this server, from no page of elsewhere, and with the token. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { Audit } from '../../src/admin/audit.ts';
import { type AdminOptions, serveAdmin } from '../../src/admin/index.ts';
import { type LogEntry, SupervisorError } from '../../src/index.ts';
import { openSocket, statusOf } from '../inspector/feedClient.ts';
import { supervise } from '../support/serve.ts';
import { initialize } from '../support/wire.ts';

import { ask, serveAdministered } from './administered.ts';

const PROTECTED = ['/sessions', '/stats', '/sessions/x', '/drain', '/sessions/x/park'];

test('without the token, or with a wrong one: 401, and nothing is told', async () => {
  const { admin } = await serveAdministered();
  const { token } = admin;
  for (const path of PROTECTED) {
    for (const authorization of [
      '',
      'Bearer',
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
      token,
    ]) {
      const answer = await ask(admin, path, { headers: { authorization } });
      expect([path, answer.status, answer.headers['www-authenticate']]).toEqual([path, 401, 'Bearer']);
      expect(answer.text).not.toContain(token);
    }
    expect([path, (await ask(admin, `${path}?token=${token}`)).status]).toEqual([path, 401]);
  }
});

test('from a page of elsewhere, or under a name that was made to lead here: 403, the right token or not', async () => {
  const { admin, told } = await serveAdministered({}, { metrics: METRICS });
  for (const path of [...PROTECTED, '/metrics']) {
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { host: 'evil.example' }]) {
      expect([path, headers, (await told(path, { headers })).status]).toEqual([path, headers, 403]);
      expect((await ask(admin, path, { headers })).status).toBe(403);
    }
  }
});

const METRICS = { contentType: 'text/plain; version=0.0.4', text: () => 'a 1\n' };

test('names and origins that are allowed are', async () => {
  const { admin, told } = await serveAdministered(
    {},
    {
      metrics: METRICS,
      allowedHosts: ['mcp.internal'],
      allowedOrigins: ['https://dashboard.example'],
    },
  );
  const headers = { host: 'mcp.internal:9464', origin: 'https://dashboard.example' };
  expect((await told('/stats', { headers })).status).toBe(200);
  expect((await ask(admin, '/metrics', { headers: { host: '10.0.0.7:9464' } })).status).toBe(200);
  const answer = await told('/stats', { headers });
  expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
});

test('what there is not is 404, and what is done otherwise 405', async () => {
  const { told } = await serveAdministered();
  for (const path of ['/', '/mcp', '/sessions/', '/sessions/a/b', '/inspector/', '/livez/', '//sessions']) {
    expect([path, (await told(path)).status]).toEqual([path, 404]);
  }
  const allowed = async (path: string, method: string) => {
    const { status, headers } = await told(path, { method });
    return [status, headers['allow']];
  };
  expect(await allowed('/sessions', 'DELETE')).toEqual([405, 'GET, HEAD']);
  expect(await allowed('/sessions/x', 'PUT')).toEqual([405, 'GET, HEAD, DELETE']);
  expect(await allowed('/drain', 'GET')).toEqual([405, 'POST']);
  expect(await allowed('/stats', 'PATCH')).toEqual([405, 'GET, HEAD']);
});

test('answers are kept by nobody, and say what they are', async () => {
  const { told } = await serveAdministered();
  expect((await told('/stats')).headers).toMatchObject({
    'cache-control': 'no-store',
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  const head = await told('/sessions', { method: 'HEAD' });
  expect([head.status, head.text]).toEqual([200, '']);
});

describe('metrics', () => {
  test('are told without the token, as their source has them', async () => {
    const { admin } = await serveAdministered({}, { metrics: METRICS });
    const answer = await ask(admin, '/metrics');
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, METRICS.contentType, 'a 1\n']);
    expect((await ask(admin, '/metrics', { method: 'POST' })).status).toBe(405);
  });

  test('are those of the supervisor by default, for Prometheus', async () => {
    const { admin, url } = await serveAdministered();
    await initialize(url);
    const answer = await ask(admin, '/metrics');
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.text).toMatch(/^mcp_supervisor_sessions\{state="(?:idle|active)"\} 1$/m);
  });

  test('are not there where they are off', async () => {
    const { admin } = await serveAdministered({}, { metrics: false });
    expect((await ask(admin, '/metrics')).status).toBe(404);
  });

  test('whose source fails are 503, and told', async () => {
    const text = () => Promise.reject(new Error('no metrics today'));
    const { admin, lines } = await serveAdministered({}, { metrics: { ...METRICS, text } });
    const answer = await ask(admin, '/metrics');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.text).not.toContain('today');
    expect(lines).toMatchObject([{ level: 'error', event: 'admin.failed', error: { message: 'no metrics today' } }]);
  });
});

test('refused requests are told once a second, with how many there were', async () => {
  const { admin, lines } = await serveAdministered();
  for (let n = 0; n < 5; n++) await ask(admin, '/stats');
  expect(lines).toMatchObject([{ level: 'warn', event: 'admin.refused', refusal: 'noToken', leftOut: 0 }]);
});

test('what was left out is told with the next line', () => {
  const told: LogEntry[] = [];
  let now = 0;
  const audit = new Audit(
    (entry) => void told.push(entry),
    'a-token-of-16-characters',
    () => now,
  );
  const req = { socket: { remoteAddress: '::1', remotePort: 7 } } as never;
  for (const at of [0, 1, 999, 1_000]) {
    now = at;
    audit.refused(req, 'noToken');
  }
  expect(told.map(({ leftOut, peer }) => [leftOut, peer])).toEqual([
    [0, '[::1]:7'],
    [2, '[::1]:7'],
  ]);
});

test('an upgrade is nobody’s without the page, and a body is read by nobody', async () => {
  const { admin, told } = await serveAdministered({}, { allowChanges: true });
  expect(await statusOf(openSocket({ port: admin.port ?? 0, token: admin.token }))).toBe(404);
  const answer = await told('/sessions/x/park', { method: 'POST', body: 'x'.repeat(1_000_000) });
  expect(answer.status).toBe(404);
});

describe('options', () => {
  const { supervisor, stop } = supervise();

  test.each([
    [{ token: 'short' }, 'token must be at least 16 letters, digits or -._~'],
    [{ port: 65_536 }, 'port must be a whole number from 0 to 65535'],
    [{ host: '' }, 'host must be a name or an address, such as 127.0.0.1'],
    [{ maxLoopLag: 0 }, 'maxLoopLag must be a number of milliseconds from 1 to 10000'],
    [{ maxLoopLag: 10_001 }, 'maxLoopLag must be a number of milliseconds from 1 to 10000'],
    [{ metrics: {} }, 'metrics must be false, or an object with contentType and text()'],
    [{ metrics: true }, 'metrics must be an object; got something of type boolean'],
    [{ allowedOrigins: ['https://a.example/'] }, 'allowedOrigins must be exact origins'],
    [{ allowedHosts: ['*'] }, 'allowedHosts must be names of hosts, without scheme and port'],
    [{ allowedHosts: ['a.example:80'] }, 'allowedHosts must be names of hosts, without scheme and port'],
    [{ path: '' }, 'path must be the path of a unix socket'],
  ] as [AdminOptions, string][])('%j is refused', async (options, message) => {
    onTestFinished(stop);
    const error = await serveAdmin(supervisor, options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SupervisorError);
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message });
  });

  test.each([
    [{ token: 'a'.repeat(16), tokenFile: 'x' }, 'Give token or tokenFile, not both'],
    [{ path: 'x', port: 1 }, 'Give path or host and port, not both'],
    [{ allowChanges: true }, 'allowChanges needs logger: each change is a line there'],
  ] as [AdminOptions, string][])('%j exclude one another', async (options, message) => {
    await expect(serveAdmin(supervisor, options)).rejects.toMatchObject({ code: 'CONFLICTING_OPTIONS', message });
  });
});
