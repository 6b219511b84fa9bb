// @ts-check
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/**
 * The client of SDK v2, in one of its modes.
 *
 * @param {string} name
 * @param {import('@modelcontextprotocol/client').VersionNegotiationOptions['mode']} [mode]
 * @returns {import('./run.js').Connect}
 */
export const useV2Client = (name, mode) => async (url, hear) => {
  const client = new Client({ name, version: '2.0.0' }, mode === undefined ? {} : { versionNegotiation: { mode } });
  client.setNotificationHandler('notifications/message', ({ params }) => hear(params.data));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args) {
      const { content } = await client.callTool({ name, arguments: args });
      return /** @type {[{ text: string }]} */ (content)[0].text;
    },
    async listen() {
      const { closed } = await client.listen({ toolsListChanged: true });
      void closed.then((how) => hear({ listened: how }));
    },
    close: () => client.close(),
  };
};
