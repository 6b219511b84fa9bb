/**
 * Debian's HAProxy before the nodes, which knows nothing of sessions: each request goes to the next node, and one that was
 * refused, or got 503, to another. A call that may have been delivered is never sent again: that takes a connection of its
 * own for each request, because of one that is reused nobody knows why it ended.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from '../redis/redisServer.ts';
import { isListening } from '../support/listen.ts';
import { until } from '../support/until.ts';
import type { NodeProcess } from './nodeProcess.ts';

/** Starts it; it is gone when the test ends. Resolves to the URL of the endpoint. */
export async function startBalancer(nodes: readonly NodeProcess[]): Promise<string> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const servers = nodes.map(({ name, url }) => `  server ${name} ${new URL(url).host}`);
  await writeFile(file, `${configuration(port)}${servers.join('\n')}\n`);
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [haproxy.stdout, haproxy.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const gone = new Promise((resolve) => haproxy.once('close', resolve));
  onTestFinished(async () => {
    haproxy.kill('SIGKILL');
    await until(gone.then(() => true));
    await rm(folder, { recursive: true, force: true });
  });
  await until(() => isListening(port), { within: 10_000, what: `HAProxy to listen; it printed ${printed}` });
  return `http://127.0.0.1:${port}/mcp`;
}

const configuration = (port: number): string => `
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option http-server-close
  option redispatch 1
  retries 5
  retry-on conn-failure 503
frontend clients
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
`;
