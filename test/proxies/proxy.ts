/** Debian's proxies as processes, each by its block of docs/proxies.md, with ports, files and times of the tests. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Running, start } from '../cli/command.ts';
import { freePort } from '../redis/redisServer.ts';
import { isListening } from '../support/listen.ts';
import { until } from '../support/until.ts';
import { block, replaced } from './documented.ts';
import type { OnEnd, Ports } from './nodes.ts';
import { DOMAIN } from './proxiedClient.ts';

export type ProxyName = 'nginx' | 'haproxy' | 'caddy';

const NODES = ['127.0.0.1', '127.0.0.2'];

export interface RunningProxy {
  readonly url: string;
  /** What it said of itself, in this life. */
  said(): string;
  /** SIGKILL, and the same anew: every connection through it is cut. */
  restart(): Promise<void>;
}

interface Given {
  readonly ports: Ports;
  /** How long it waits for a silent connection, in place of the minute that the page says. */
  readonly idle?: string | undefined;
  /** There is one node, as the page has it for HAProxy. */
  readonly alone?: boolean | undefined;
  readonly onEnd: OnEnd;
}

interface Prepared extends Given {
  readonly folder: string;
  readonly port: number;
}

/** What is run, and where it listens. */
interface Recipe {
  readonly protocol: 'http' | 'https';
  prepare(prepared: Prepared): Promise<readonly string[]>;
}

const RECIPES: Readonly<Record<ProxyName, Recipe>> = {
  nginx: {
    protocol: 'https',
    async prepare({ folder, port, ports, idle = '60s' }) {
      const { certificate, key } = await certify(folder);
      const site = replaced(block('proxies', 'nginx'), [
        ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
        ['/etc/ssl/mcp/fullchain.pem', certificate],
        ['/etc/ssl/mcp/privkey.pem', key],
        ['proxy_read_timeout 60s', `proxy_read_timeout ${idle}`],
        ...NODES.map((node) => [`${node}:3000`, `${node}:${ports.endpoint}`] as const),
        // In the map the dots are escaped.
        ...NODES.map((node) => node.replaceAll('.', '\\.')).map(
          (node) => [`${node}:3000$`, `${node}:${ports.endpoint}$`] as const,
        ),
      ]);
      await writeFile(join(folder, 'site.conf'), site);
      const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      const temporary = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ');
      const user = process.getuid?.() === 0 ? 'user root;' : '';
      await writeFile(
        join(folder, 'nginx.conf'),
        `${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr error;
         events { worker_connections 1024; }
         http { access_log off; ${temporary} include ${folder}/site.conf; }`,
      );
      return ['nginx', '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
    },
  },
  haproxy: {
    protocol: 'https',
    async prepare({ folder, port, ports, idle = '60s', alone = false }) {
      const { certificate, key } = await certify(folder);
      const both = join(folder, 'both.pem');
      await writeFile(both, `${await readFile(certificate, 'utf8')}${await readFile(key, 'utf8')}`, { mode: 0o600 });
      const page = block('proxies', 'haproxy', 'frontend');
      const backend = block('proxies', 'haproxy', 'in place of');
      const text = replaced(alone ? page.replace(/^backend .*/ms, backend) : page, [
        ['bind :443', `bind 127.0.0.1:${port}`],
        ['/etc/ssl/mcp/both.pem', both],
        ['timeout client 60s', `timeout client ${idle}`],
        ['timeout server 60s', `timeout server ${idle}`],
        ...(alone ? [] : [['check port 9464', `check port ${ports.admin}`] as const]),
        ...NODES.slice(0, alone ? 1 : 2).map((node) => [`${node}:3000`, `${node}:${ports.endpoint}`] as const),
      ]);
      await writeFile(join(folder, 'haproxy.cfg'), text);
      return ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')];
    },
  },
  caddy: {
    // Its certificate is its own affair: it asks somebody for one.
    protocol: 'http',
    async prepare({ folder, port, ports }) {
      const text = replaced(block('proxies', 'caddyfile'), [
        ['\nmcp.example.org {', `\nhttp://mcp.example.org:${port} {`],
        ['health_port 9464', `health_port ${ports.admin}`],
        ...NODES.map((node) => [`${node}:3000`, `${node}:${ports.endpoint}`] as const),
      ]);
      await writeFile(join(folder, 'Caddyfile'), `{\n\tadmin off\n}\n${text}`);
      const homes = ['HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME'].map((name) => `${name}=${folder}`);
      return ['env', ...homes, 'caddy', 'run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')];
    },
  },
};

/** Starts it, and resolves when it listens; `onEnd` is told how it is ended. */
export async function startProxy(name: ProxyName, given: Given): Promise<RunningProxy> {
  const { onEnd } = given;
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  onEnd(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const { protocol, prepare } = RECIPES[name];
  const [program = '', ...args] = await prepare({ ...given, folder, port });
  let running: Running;
  const run = async () => {
    running = start(program, args, { group: true, onEnd });
    const listens = () => isListening(port);
    await until(listens, { within: 10_000, what: `${name} to listen` }).catch((error: Error) => {
      throw new Error(`${error.message}; it printed ${running.stdout}${running.stderr}`);
    });
  };
  await run();
  return {
    url: `${protocol}://${DOMAIN}:${port}/mcp`,
    said: () => `${running.stdout}${running.stderr}`,
    restart: async () => {
      const { pid } = running.child;
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      await running.exited();
      await run();
    },
  };
}

async function certify(folder: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const [certificate, key] = [join(folder, 'fullchain.pem'), join(folder, 'privkey.pem')];
  const subject = ['-subj', '/CN=mcp.example.org', '-days', '2'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate]);
  return { certificate, key };
}
