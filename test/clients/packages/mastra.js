// @ts-check
import { MCPClient } from '@mastra/mcp';

/** @type {import('./run.js').Connect} */
export async function connect(url, hear) {
  const client = new MCPClient({
    servers: {
      ours: {
        url: new URL(url),
        logger: ({ message, details }) => {
          if (message.includes('[MCP SERVER LOG]')) hear(details?.['data']);
        },
      },
    },
  });
  const tools = await client.listTools();
  return {
    tools: async () => Object.keys(await client.listTools()).map((name) => name.replace(/^ours_/, '')),
    async call(name, args) {
      const result = await tools[`ours_${name}`]?.execute?.(args, {});
      return result.content[0].text;
    },
    close: () => client.disconnect(),
  };
}
