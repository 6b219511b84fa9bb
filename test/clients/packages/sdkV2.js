// @ts-check
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** @type {import('./run.js').Connect} */
export async function connect(url, hear) {
  const client = new Client({ name: 'sdk-v2', version: '2.0.0' });
  client.setNotificationHandler('notifications/message', ({ params }) => hear(params.data));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args) {
      const { content } = await client.callTool({ name, arguments: args });
      return /** @type {[{ text: string }]} */ (content)[0].text;
    },
    close: () => client.close(),
  };
}
