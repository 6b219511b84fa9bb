/**
 * SDK v2, for worlds in which requests without sessions are served: an optional peer, whose handler and servers are the
 * real ones there. They wait for nothing but promises, so a schedule is the same each time.
 */
import type { createSessionSupervisor, SessionContext } from '../../index.ts';

/** What a handler of a tool's call gets. */
export interface ModernContext {
  readonly mcpReq: {
    readonly signal: AbortSignal;
    notify(notification: { readonly method: string; readonly params: object }): Promise<void>;
  };
}

export interface ModernCallRequest {
  readonly params: { readonly arguments?: { readonly token?: string; readonly how?: number } };
}

/** What is used of its low-level server. */
export interface ModernSdkServer {
  connect(transport: unknown): Promise<void>;
  close(): Promise<void>;
  setRequestHandler(
    method: 'tools/call',
    handler: (request: ModernCallRequest, context: ModernContext) => Promise<object>,
  ): void;
}

export interface ModernSdk {
  readonly Server: new (
    info: { readonly name: string; readonly version: string },
    options: Partial<SessionContext['serverOptions']> & { readonly capabilities: object },
  ) => ModernSdkServer;
}

type Create = typeof createSessionSupervisor;

const PACKAGE = '@modelcontextprotocol/server';

/** How long a supervisor may take to load the SDK, in real ms. */
const PATIENCE = 10_000;

const loaded = new WeakMap<Create, Promise<ModernSdk | undefined>>();

/** The SDK, once these supervisors have loaded it, which takes real time; undefined where it is not installed. */
export function modernSdk(create: Create): Promise<ModernSdk | undefined> {
  let sdk = loaded.get(create);
  if (sdk === undefined) {
    sdk = load(create);
    loaded.set(create, sdk);
  }
  return sdk;
}

async function load(create: Create): Promise<ModernSdk | undefined> {
  let sdk: ModernSdk;
  try {
    sdk = (await import(/* @vite-ignore */ PACKAGE)) as unknown as ModernSdk;
  } catch {
    return undefined;
  }
  const none = () => Promise.reject(new Error('No server is needed to load the SDK'));
  const supervisor = create({ server: none, modern: 'serve', logger: () => {} });
  const request = new Request('http://127.0.0.1/mcp', {
    method: 'POST',
    headers: {
      Accept: 'application/json, text/event-stream',
      'Content-Type': 'application/json',
      'MCP-Protocol-Version': '2026-07-28',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}',
  });
  await Promise.race([supervisor.fetch(request), new Promise((late) => setTimeout(late, PATIENCE).unref())]);
  await supervisor.drain({ timeout: 1 });
  return sdk;
}
