// @ts-check
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

/**
 * The client of SDK v1 over a transport: its own over HTTP, or stdio to a proxy.
 *
 * @param {import('@modelcontextprotocol/sdk/shared/transport.js').Transport} transport
 * @param {(data: unknown) => void} hear
 * @returns {Promise<import('./run.js').Connected>}
 */
export async function useClient(transport, hear) {
  const client = new Client({ name: 'sdk-v1', version: '1.0.0' });
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => hear(params.data));
  await client.connect(transport);
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args) {
      const { content } = await client.callTool({ name, arguments: args });
      return /** @type {[{ text: string }]} */ (content)[0].text;
    },
    close: () => client.close(),
  };
}
