/** The subject: the built package, imported by its name as its users do, with the checks a public server turns on. */
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { createEchoServer } from './echoServer.ts';
import { listen } from './listen.ts';

const supervisor = createSessionSupervisor({
  server: (session) => createEchoServer({ ...session.serverOptions }),
  allowedHosts: ['127.0.0.1'],
  allowedOrigins: ['http://127.0.0.1:3000'],
});

listen(toNodeHandler(supervisor));
