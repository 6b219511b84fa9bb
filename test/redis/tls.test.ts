/** Redis behind TLS: with a certificate that is trusted, and with one that is not. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRedisStores } from 'mcp-session-supervisor/redis';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort, type RedisServer, startRedis } from './redisServer.ts';
import { newRecord, storesAt } from './stores.ts';

let folder: string;
let redis: RedisServer;
let port: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    ...subject,
    '-keyout',
    key,
    '-out',
    cert,
  ];
  await promisify(execFile)('openssl', made);
  port = await freePort();
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
  redis = await startRedis('--tls-port', String(port), '--tls-auth-clients', 'no', ...files);
});
afterAll(async () => {
  await redis.dispose();
  await rm(folder, { recursive: true, force: true });
});

test('a client that knows the authority has its sessions there', async () => {
  const ca = await readFile(join(folder, 'cert.pem'));
  const client = createClient({ url: `rediss://localhost:${port}`, socket: { tls: true, ca } });
  const { sessionStore, close } = createRedisStores({ client, prefix: 'tls:' });
  onTestFinished(close);
  const record = newRecord();
  expect(await sessionStore.create(record)).toBe('created');
  expect(await redis.ask('EXISTS', `tls:{${record.id}}:session`)).toBe(1);
});

test('rediss:// is TLS, and a certificate of nobody’s is refused, which is said', async () => {
  const { sessionStore } = storesAt(`rediss://:s3cret@localhost:${port}`);
  await expect(sessionStore.create(newRecord())).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: `Redis at localhost:${port} could not be trusted (DEPTH_ZERO_SELF_SIGNED_CERT)`,
  });
});
