/**
 * The SDK's v1 transport, one for each session, in a Map: the request handling of its examples `simpleStreamableHttp`
 * and, with `--json`, `jsonResponseStreamableHttp`, their sweep of idle sessions included, with `IDLE_TIMEOUT` in ms.
 */
import { randomUUID } from 'node:crypto';
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { INFO, SLOW, slow } from './slow.js';

const json = process.argv.includes('--json');
const idleTimeout = Number(process.env.IDLE_TIMEOUT);
const sessions = new Map();

/** Open responses keep a session: the examples count them, so that a call that lasts is not idle. */
function track(session, res) {
  if (res.destroyed) return;
  session.open++;
  res.on('close', () => {
    session.open--;
    session.lastActive = Date.now();
  });
}

// The examples sweep every minute, for half an hour of idle time: as often in proportion, but no busier than that.
setInterval(() => {
  for (const { transport, open, lastActive } of sessions.values()) {
    if (open === 0 && lastActive < Date.now() - idleTimeout) transport.close().catch(console.error);
  }
}, 100).unref();

function refuse(res, status, code, message) {
  res.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
}

async function open(req, res) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    ...(json ? { enableJsonResponse: true } : { eventStore: new InMemoryEventStore() }),
    onsessioninitialized: (id) => {
      sessions.set(id, { transport, open: 0, lastActive: Date.now() });
    },
  });
  transport.onclose = () => sessions.delete(transport.sessionId);
  const server = new McpServer(INFO);
  server.registerTool('slow', SLOW, slow);
  await server.connect(transport);
  await transport.handleRequest(req, res, req.body);
}

async function handle(req, res) {
  const id = req.headers['mcp-session-id'];
  if (id === undefined && isInitializeRequest(req.body)) return open(req, res);
  if (id === undefined) return refuse(res, 400, -32000, 'Bad Request: No valid session ID provided');
  const session = sessions.get(id);
  if (session === undefined) return refuse(res, 404, -32001, 'Session not found');
  track(session, res);
  await session.transport.handleRequest(req, res, req.body);
}

const app = createMcpExpressApp();
app.post('/mcp', handle);
if (json) app.get('/mcp', (_, res) => res.status(405).set('Allow', 'POST').send('Method Not Allowed'));
else app.get('/mcp', handle).delete('/mcp', handle);
app.listen(Number(process.env.PORT), '127.0.0.1');
