/**
 * Requests of 2026-07-28: served by a supervisor, or, with `--sdk`, by SDK v2's own handler behind its Node adapter. Both
 * build the same server for each, with one schema and one validator for the whole process.
 */
import type { RequestListener } from 'node:http';
import { toNodeHandler as toSdkHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer, type ServerOptions } from '@modelcontextprotocol/server';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import { createSessionSupervisor } from 'mcp-session-supervisor';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { z } from 'zod';
import { listen } from './listen.ts';

const ECHO = { description: 'Says what it was told', inputSchema: z.object({ text: z.string() }) };
const jsonSchemaValidator = new AjvJsonSchemaValidator();

function build(options: ServerOptions): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' }, options);
  server.registerTool('echo', ECHO, ({ text }) => ({ content: [{ type: 'text', text }] }));
  return server;
}

function supervised() {
  return toNodeHandler(
    createSessionSupervisor({
      modern: 'serve',
      server: ({ serverOptions }) => build({ ...serverOptions }),
      allowedHosts: ['127.0.0.1'],
      allowedOrigins: ['http://127.0.0.1:3000'],
    }),
  );
}

function sdk(): RequestListener {
  const handler = toSdkHandler(createMcpHandler(() => build({ jsonSchemaValidator }), { legacy: 'reject' }));
  // It misses Node's own type by `exactOptionalPropertyTypes` only.
  return (request, response) => void handler(request as Parameters<typeof handler>[0], response);
}

listen(process.argv.includes('--sdk') ? sdk() : supervised());
