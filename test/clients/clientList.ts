/** The clients that `npm run test:clients` takes through restarts, and what each notices: `docs/clients.md` has it as a table. */

export type When = 'before' | 'killed' | 'drained' | 'away';

export interface ClientProgram {
  readonly name: string;
  /** How it is used: a module of `packages/`. */
  readonly module: string;
}

export interface TriedClient extends ClientProgram {
  /** Its package: installed apart, in `packages/`. */
  readonly package: string;
  /** What becomes of a call that is cut off: it fails when its stream was resumed, or is never settled. */
  readonly cutOff: 'fails' | 'hangs';
  /** What it does once a call has failed because nobody listened. */
  readonly refused: 'goes on' | 'begins anew';
  /**
   * Whether it shows what the server says by itself: before a restart, after one by a kill or a drain, and when the server
   * was away for long. Undefined where that depends on how long a process takes to start.
   */
  readonly hears: Readonly<Record<When, boolean | undefined>>;
  /** What becomes of it where sessions end with their process. */
  readonly withoutStore: 'stays broken' | 'begins anew';
}

const ALWAYS = { before: true, killed: true, drained: true, away: true };
const NEVER = { before: false, killed: false, drained: false, away: false };

export const CLIENTS: readonly TriedClient[] = [
  {
    name: 'AI SDK',
    package: '@ai-sdk/mcp',
    module: 'aiSdk.js',
    cutOff: 'hangs',
    refused: 'goes on',
    // It tries 1 s and 2.5 s after a line broke, and not at all after a stream that ended as streams end.
    hears: { before: true, killed: undefined, drained: false, away: false },
    withoutStore: 'stays broken',
  },
  {
    name: 'LangChain',
    package: '@langchain/mcp-adapters',
    module: 'langChain.js',
    cutOff: 'fails',
    refused: 'goes on',
    hears: ALWAYS,
    withoutStore: 'stays broken',
  },
  {
    name: 'OpenAI Agents',
    package: '@openai/agents',
    module: 'openAiAgents.js',
    cutOff: 'fails',
    refused: 'goes on',
    hears: NEVER,
    withoutStore: 'stays broken',
  },
  {
    name: 'Mastra',
    package: '@mastra/mcp',
    module: 'mastra.js',
    cutOff: 'fails',
    refused: 'begins anew',
    hears: ALWAYS,
    withoutStore: 'stays broken',
  },
  {
    name: 'MCP SDK v1',
    package: '@modelcontextprotocol/sdk',
    module: 'sdkV1.js',
    cutOff: 'fails',
    refused: 'goes on',
    hears: ALWAYS,
    withoutStore: 'stays broken',
  },
  {
    name: 'MCP SDK v2',
    package: '@modelcontextprotocol/client',
    module: 'sdkV2.js',
    cutOff: 'fails',
    refused: 'goes on',
    hears: ALWAYS,
    withoutStore: 'stays broken',
  },
  {
    name: 'mcp-remote',
    package: 'mcp-remote',
    module: 'mcpRemote.js',
    cutOff: 'fails',
    refused: 'goes on',
    hears: ALWAYS,
    withoutStore: 'begins anew',
  },
  {
    name: 'supergateway',
    package: 'supergateway',
    module: 'supergateway.js',
    cutOff: 'fails',
    refused: 'goes on',
    hears: NEVER,
    withoutStore: 'stays broken',
  },
];
