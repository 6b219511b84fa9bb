/**
 * The subject: the built package, imported by its name as its users do, with the checks a public server turns on. Its
 * sessions can be watched when that is asked for. With `--durable` they are kept on LMDB; with `--stateful` the server has
 * three tools, one of which sets state.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSessionSupervisor, type SessionContext, type SessionSupervisor } from 'mcp-session-supervisor';
import { type Inspector, serveInspector } from 'mcp-session-supervisor/inspector';
import { createLmdbStores } from 'mcp-session-supervisor/lmdb';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { createEchoServer, createStatefulServer } from './echoServer.ts';
import { listen } from './listen.ts';

const stateful = process.argv.includes('--stateful');
const sessionStore = process.argv.includes('--durable') ? lmdb() : undefined;

function lmdb() {
  const path = mkdtempSync(join(tmpdir(), 'bench-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return createLmdbStores({ path }).sessionStore;
}

const server = (session: SessionContext) =>
  stateful ? createStatefulServer(session) : createEchoServer({ ...session.serverOptions });

function supervise(): SessionSupervisor {
  return createSessionSupervisor({
    server,
    allowedHosts: ['127.0.0.1'],
    allowedOrigins: ['http://127.0.0.1:3000'],
    ...(sessionStore && { sessionStore }),
  });
}

let supervisor = supervise();
let handler: RequestListener = toNodeHandler(supervisor);
let inspector: Inspector | undefined;

listen(process.argv.length > 2 ? (req, res) => handler(req, res) : handler, {
  inspect: async () => {
    inspector = await serveInspector(supervisor);
    return inspector.url;
  },
  inspectNoMore: () => inspector?.close(),
  /** The sessions are parked, and are another supervisor's from now on. */
  restart: async () => {
    await supervisor.drain();
    supervisor = supervise();
    handler = toNodeHandler(supervisor);
  },
});
