/**
 * The subject: the built package, imported by its name as its users do, with the checks a public server turns on. Its
 * sessions can be watched when that is asked for.
 */
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { type Inspector, serveInspector } from 'mcp-session-supervisor/inspector';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { createEchoServer } from './echoServer.ts';
import { listen } from './listen.ts';

const supervisor = createSessionSupervisor({
  server: (session) => createEchoServer({ ...session.serverOptions }),
  allowedHosts: ['127.0.0.1'],
  allowedOrigins: ['http://127.0.0.1:3000'],
});

let inspector: Inspector | undefined;

listen(toNodeHandler(supervisor), {
  inspect: async () => {
    inspector = await serveInspector(supervisor);
    return inspector.url;
  },
  inspectNoMore: () => inspector?.close(),
});
