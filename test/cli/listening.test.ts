/** Where the command answers, whom, and for how long it keeps a connection. */
import { describe, expect, test } from 'vitest';
import { withTimeout } from '../support/until.ts';
import { exchange, initializeBody, post, rawSocket } from '../support/wire.ts';
import { type Running, SERVER_MODULE, useCommand } from './command.ts';

const command = useCommand();

/** Serves the fixture module; resolves when it listens. */
async function serve(...flags: string[]): Promise<{ running: Running; url: string }> {
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  return { running, url: await running.url() };
}

describe('who may ask, and where', () => {
  test.each(['127.1', '2130706433', 'localhost', '::ffff:127.0.0.1'])(
    '--host %s is loopback: only loopback names',
    async (host) => {
      const { running, url } = await serve('--host', host);
      const { port } = new URL(url);
      expect((await post(url, initializeBody())).status).toBe(200);
      expect((await post(url, initializeBody(), { host: `localhost:${port}` })).status).toBe(200);
      expect((await post(url, initializeBody(), { host: `evil.example:${port}` })).status).toBe(403);
      expect((await post(url, initializeBody(), { origin: 'https://evil.example' })).status).toBe(403);
      expect(running.stderr).not.toContain('loopback');
    },
  );

  test('--host 0.0.0.0 is not, which is warned of', async () => {
    const { running, url } = await serve('--host', '0.0.0.0');
    await running.errorLine(
      /warning: 0\.0\.0\.0 is not loopback, and without --allowed-hosts any Host header is accepted$/,
    );
    const { port } = new URL(url);
    const status = (await post(`http://127.0.0.1:${port}/mcp`, initializeBody(), { host: 'any.example' })).status;
    expect(status).toBe(200);
  });

  test('on loopback only by a loopback name, and from a loopback origin of its own port', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const status = async (headers: Record<string, string>) => (await post(url, initializeBody(), headers)).status;
    expect(await status({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
    expect(await status({ host: `evil.example:${port}` })).toBe(403);
    expect(await status({ origin: 'https://evil.example' })).toBe(403);
    expect(await status({ origin: `http://localhost:${Number(port) + 1}` })).toBe(403);
  });

  test('at its path only; elsewhere it says where', async () => {
    const { url } = await serve('--path', '/deep/mcp');
    const { origin } = new URL(url);
    const elsewhere = await post(`${origin}/mcp`, initializeBody());
    expect([elsewhere.status, elsewhere.json()]).toEqual([404, { error: 'Not found', endpoint: '/deep/mcp' }]);
    const front = await exchange('GET', `${origin}/`);
    expect([front.status, front.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(front.text).toContain('/deep/mcp');
    expect((await exchange('POST', `${origin}/`, {}, {})).status).toBe(404);
    expect((await post(`${url}?from=here`, initializeBody())).status).toBe(200);
  });

  test('with or without a slash at the end of its path', async () => {
    const { url } = await serve();
    expect((await post(`${url}/`, initializeBody())).status).toBe(200);
    expect((await post(`${url}//`, initializeBody())).status).toBe(404);
    const { url: slashed } = await serve('--path', '/deep/');
    expect(new URL(slashed).pathname).toBe('/deep/');
    for (const asked of [slashed, slashed.replace(/\/$/, '')]) {
      expect((await post(asked, initializeBody())).status).toBe(200);
    }
  });

  test('on connections that are kept longer than load balancers keep theirs, or as long as the flag says', async () => {
    const kept = async (...flags: string[]) => {
      const { url } = await serve(...flags);
      const socket = await rawSocket(Number(new URL(url).port));
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return { socket, header: (await socket.readHead()).headers['keep-alive'] };
    };
    expect((await kept()).header).toBe('timeout=65');
    const short = await kept('--http-keep-alive-timeout', '1s');
    expect(short.header).toBe('timeout=1');
    await withTimeout(short.socket.closed, { what: 'the idle connection to be closed' });
  });

  test('a proxy may name it by its whole URL', async () => {
    const { url } = await serve();
    const { port, host } = new URL(url);
    const socket = await rawSocket(Number(port));
    const body = JSON.stringify(initializeBody());
    socket.write(
      `POST ${url}?x=y HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Accept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect((await socket.readHead()).status).toBe(200);
  });
});
