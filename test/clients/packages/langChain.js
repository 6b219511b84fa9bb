// @ts-check
import { MultiServerMCPClient } from '@langchain/mcp-adapters';

/** @type {import('./run.js').Connect} */
export async function connect(url, hear) {
  const client = new MultiServerMCPClient({
    mcpServers: { ours: { transport: 'http', url } },
    onMessage: ({ data }) => hear(data),
  });
  const tools = await client.getTools();
  return {
    async tools() {
      const listed = await (await client.getClient('ours'))?.listTools();
      return listed?.tools.map(({ name }) => name) ?? [];
    },
    call: async (name, args) => tools.find((tool) => tool.name === name)?.invoke(args),
    close: () => client.close(),
  };
}
