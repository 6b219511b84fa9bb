// @ts-check
import { MCPServerStreamableHttp } from '@openai/agents';

/** @type {import('./run.js').Connect} */
export async function connect(url) {
  const server = new MCPServerStreamableHttp({ url, name: 'ours' });
  await server.connect();
  await server.listTools();
  return {
    tools: async () => (await server.listTools()).map(({ name }) => name),
    async call(name, args) {
      const [first] = await server.callTool(name, args);
      return /** @type {{ text: string }} */ (first).text;
    },
    close: () => server.close(),
  };
}
