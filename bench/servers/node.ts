/**
 * The subject with sessions in Redis (`--redis <url>`), and as a node of a cluster (`--node <name>`): otherwise as it is
 * without (`supervisor.ts`). Leases are short, so that somebody can wait for their ends.
 */
import { parseArgs } from 'node:util';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { createRedisStores } from 'mcp-session-supervisor/redis';
import { createEchoServer } from './echoServer.ts';
import { listen } from './listen.ts';

const { values } = parseArgs({ options: { redis: { type: 'string' }, node: { type: 'string' } } });

const { sessionStore, directory } = createRedisStores({ url: values.redis });
const supervisor = createSessionSupervisor({
  server: (session) => createEchoServer({ ...session.serverOptions }),
  allowedHosts: ['127.0.0.1'],
  allowedOrigins: ['http://127.0.0.1:3000'],
  maxSessions: 20_000,
  sessionStore,
  ...(values.node !== undefined && {
    cluster: {
      directory,
      node: values.node,
      listen: { host: '127.0.0.1', port: 0 },
      secrets: ['the secret of the nodes of the bench'],
      leaseTime: 2_000,
    },
  }),
});

listen(toNodeHandler(supervisor), {
  /** Hands everything over, and resolves to how long that took, in ms. */
  drain: async () => {
    const begun = performance.now();
    await supervisor.drain({ timeout: 60_000 });
    return performance.now() - begun;
  },
  pid: () => process.pid,
  state: () => supervisor.stats().cluster?.state,
});
