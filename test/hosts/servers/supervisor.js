// @ts-check
// The supervisor that every host of this folder serves, with a server whose tools let the tests hold a call and see the
// sessions. In an application of yours it is `createSessionSupervisor({ server: … })` with your own server.
import process from 'node:process';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { z } from 'zod';

const { CORS_ORIGIN, JSON_RESPONSE } = process.env;

export const supervisor = createSessionSupervisor({
  server: buildServer,
  enableJsonResponse: JSON_RESPONSE === 'true',
  ...(CORS_ORIGIN !== undefined && { cors: [CORS_ORIGIN] }),
});

process.once('SIGTERM', async () => {
  await supervisor.drain(); // calls in flight finish, new ones get 503, then every session ends
  process.exit();
});

/** Calls that are held, by their key: what lets them go. */
const held = new Map();

/**
 * @param {string} text
 * @returns {import('@modelcontextprotocol/sdk/types.js').CallToolResult}
 */
const said = (text) => ({ content: [{ type: 'text', text }] });

/** @param {import('mcp-session-supervisor').SessionContext} session */
function buildServer(session) {
  const server = new McpServer({ name: 'host', version: '1.0.0' }, { ...session.serverOptions });

  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => said(text));

  server.registerTool(
    'hold',
    { description: 'Notifies progress, and answers when `release` names its key.', inputSchema: { key: z.string() } },
    async ({ key }, { _meta, sendNotification }) => {
      const released = new Promise((resolve) => held.set(key, resolve));
      const progressToken = _meta?.progressToken;
      if (progressToken !== undefined) {
        await sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      }
      await released;
      return said(`released ${key}`);
    },
  );

  server.registerTool('release', { inputSchema: { key: z.string() } }, ({ key }) => {
    const release = held.get(key);
    held.delete(key);
    release?.();
    return said(release === undefined ? 'nothing is held' : 'released');
  });

  server.registerTool(
    'sessions',
    { description: 'How the sessions of the process are, as JSON; none of them has `state` "terminated".' },
    () => said(JSON.stringify([...supervisor.sessions()].map(({ id, state, inFlight }) => ({ id, state, inFlight })))),
  );

  server.registerTool(
    'seen',
    { description: 'The headers and the URL of the request that it answers, as JSON.' },
    ({ requestInfo }) => said(JSON.stringify({ headers: requestInfo?.headers, url: requestInfo?.url?.toString() })),
  );
  return server;
}
