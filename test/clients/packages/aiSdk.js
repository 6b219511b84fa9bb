// @ts-check
import { createMCPClient } from '@ai-sdk/mcp';

/** @type {import('./run.js').Connect} */
export async function connect(url, hear) {
  const client = await createMCPClient({
    transport: { type: 'http', url },
    // What the server says by itself comes as an error that does not tell what was said.
    onUncaughtError: (error) => {
      if (error instanceof Error && error.message === 'Unsupported message type') hear();
    },
  });
  const tools = await client.tools();
  return {
    tools: async () => Object.keys(await client.tools()),
    async call(name, args) {
      const { content } = await tools[name].execute(args, { toolCallId: name, messages: [] });
      return content[0].text;
    },
    close: () => client.close(),
  };
}
