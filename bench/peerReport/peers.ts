/** Who is tested: other servers of MCP sessions, as their users run them, and ours. */

export interface Peer {
  readonly name: string;
  /** How it is served, in a sentence. */
  readonly served: string;
  /** Its packages in bench/peers, whose versions the report names; ours is the root package. */
  readonly packages: readonly string[];
  /** What is run: a file in bench/peers, or our own command, and its arguments. `$PORT` stands for the port. */
  readonly run: readonly string[];
  /** It, or what it depends on, asks for a newer Node than ours. */
  readonly newerNode?: true;
  /** Its idle timeout, in ms; without one it has none that could be set. */
  readonly idleTimeout?: number;
}

/** Every peer that has an idle timeout gets this one, in ms. */
export const IDLE_TIMEOUT = 2_000;

export const OUR_COMMAND = 'mcp-session-supervisor';

export const PEERS: readonly Peer[] = [
  {
    name: 'mcp-session-supervisor',
    served: 'Our own command, serving a module.',
    packages: [],
    run: [OUR_COMMAND, 'servers/supervisor.js', '--port', '$PORT', '--session-idle-timeout', `${IDLE_TIMEOUT}ms`],
    idleTimeout: IDLE_TIMEOUT,
  },
  {
    name: 'SDK v1 in a Map',
    served: "The routing, event store and sweep for idle sessions of the SDK's example `simpleStreamableHttp`.",
    packages: ['@modelcontextprotocol/sdk'],
    run: ['servers/sdkV1.js'],
    idleTimeout: IDLE_TIMEOUT,
  },
  {
    name: 'SDK v1 in a Map, JSON answers',
    served: "The routing and sweep for idle sessions of the SDK's example `jsonResponseStreamableHttp`.",
    packages: ['@modelcontextprotocol/sdk'],
    run: ['servers/sdkV1.js', '--json'],
    idleTimeout: IDLE_TIMEOUT,
  },
  {
    name: 'SDK v2 in a Map',
    served: "The routing of the SDK's guide on sessions. It has no idle timeout.",
    packages: ['@modelcontextprotocol/server', '@modelcontextprotocol/node', '@modelcontextprotocol/express'],
    run: ['servers/sdkV2.js'],
  },
  {
    name: 'mcp-proxy',
    served: 'Its command, in front of a server on stdio.',
    packages: ['mcp-proxy'],
    run: [
      'node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs',
      ...['--host', '127.0.0.1', '--port', '$PORT', '--server', 'stream'],
      ...['--sessionIdleTimeout', String(IDLE_TIMEOUT), '--', process.execPath, 'servers/stdio.js'],
    ],
    newerNode: true,
    idleTimeout: IDLE_TIMEOUT,
  },
  {
    name: 'FastMCP',
    served: 'Its own HTTP server, as its README starts it. Its idle timeout, that of mcp-proxy, cannot be set.',
    packages: ['fastmcp', 'mcp-proxy'],
    run: ['servers/fastmcp.js'],
    newerNode: true,
  },
  {
    name: '@hono/mcp in a Map',
    served: "Its transport, one for each session, in a Map, routed as the SDK's guide does. It has no idle timeout.",
    packages: ['@hono/mcp', 'hono', '@hono/node-server', '@modelcontextprotocol/sdk'],
    run: ['servers/honoMcp.js'],
  },
  {
    name: 'server-everything',
    served: "The MCP project's reference server in its own HTTP mode. It has no idle timeout.",
    packages: ['@modelcontextprotocol/server-everything', '@modelcontextprotocol/sdk'],
    run: ['node_modules/@modelcontextprotocol/server-everything/dist/index.js', 'streamableHttp'],
  },
];
