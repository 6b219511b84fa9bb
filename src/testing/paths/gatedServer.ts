/**
 * An MCP server whose answers wait until they are asked for: what a test of sessions needs, and nothing else. It knows
 * `initialize`, `ping`, `tools/list` and `tools/call hold { key }`, and speaks to its transport directly, without an SDK.
 */
import type { ConnectableServer, ServerFactory, SessionContext } from '../../index.ts';

/** What the server needs of a transport; every MCP transport has it. */
interface GatedTransport {
  onmessage?: ((message: GatedMessage) => void) | undefined;
  onclose?: (() => void) | undefined;
  start(): Promise<void>;
  send(message: object): Promise<void>;
  close(): Promise<void>;
}

interface GatedMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: { readonly key?: string } };
}

/** What one session's server has done so far. */
export interface GatedSession {
  readonly context: SessionContext;
  /** How often its connection was closed, as `onclose` told. */
  closes: number;
  /** How often it was cleaned up after. */
  cleanups: number;
  /** Ends the session from within: the server closes its connection. */
  close(): Promise<void>;
}

/** An MCP server whose calls last until a test has them answered. */
export interface GatedServer {
  /** The `server` option of a supervisor. */
  readonly factory: ServerFactory;
  /** Every session that a server was built for, in order. */
  readonly sessions: readonly GatedSession[];
  /** Has the calls with this key answered, those to come included. */
  release(key: string): void;
  /** Has the initialize of the client with this name answered. */
  answerInitialize(clientName: string): void;
}

/** Options of `createGatedServer`. */
export interface GatedServerOptions {
  /** Initializes wait for `answerInitialize`. Default false. */
  holdInitialize?: boolean | undefined;
}

/**
 * Makes a server for tests whose calls and initializes last until they are released.
 * @example
 * ```ts
 * import { createSessionSupervisor } from 'mcp-session-supervisor';
 * import { createGatedServer } from 'mcp-session-supervisor/testing';
 *
 * const server = createGatedServer({ holdInitialize: true });
 * const supervisor = createSessionSupervisor({ server: server.factory });
 * ```
 */
export function createGatedServer({ holdInitialize = false }: GatedServerOptions = {}): GatedServer {
  const gates = new Gates();
  const sessions: GatedSession[] = [];
  const factory: ServerFactory = (context) => {
    let transport: GatedTransport | undefined;
    const session: GatedSession = { context, closes: 0, cleanups: 0, close: async () => transport?.close() };
    sessions.push(session);
    const server: ConnectableServer = {
      async connect(to: GatedTransport) {
        transport = to;
        to.onclose = () => {
          session.closes++;
        };
        to.onmessage = (message) => {
          const { id, method, params } = message;
          if (id === undefined || method === undefined) return;
          const name = context.clientInfo?.name ?? '';
          const gate = gateOf(method, params?.arguments?.key, holdInitialize ? name : undefined);
          const answer = () => void to.send({ jsonrpc: '2.0', id, ...reply(message) }).catch(() => {});
          if (gate === undefined) answer();
          else gates.wait(gate, answer);
        };
        await to.start();
      },
      close: async () => transport?.close(),
    };
    return {
      server,
      cleanup: () => {
        session.cleanups++;
      },
    };
  };
  return {
    factory,
    sessions,
    release: (key) => gates.open(`call ${key}`),
    answerInitialize: (clientName) => gates.open(`initialize ${clientName}`),
  };
}

function gateOf(method: string, key: string | undefined, heldClient: string | undefined): string | undefined {
  if (method === 'tools/call') return `call ${key}`;
  return method === 'initialize' && heldClient !== undefined ? `initialize ${heldClient}` : undefined;
}

function reply({ method, params }: GatedMessage): object {
  switch (method) {
    case 'initialize': {
      const protocolVersion = params?.protocolVersion ?? '2025-11-25';
      const serverInfo = { name: 'gated', version: '1.0.0' };
      return { result: { protocolVersion, capabilities: { tools: {} }, serverInfo } };
    }
    case 'ping':
      return { result: {} };
    case 'tools/list':
      return { result: { tools: [HOLD] } };
    case 'tools/call':
      return { result: { content: [{ type: 'text', text: 'released' }] } };
    default:
      return { error: { code: -32601, message: 'Method not found' } };
  }
}

const HOLD = {
  name: 'hold',
  description: 'Answers when the gate with this key is opened.',
  inputSchema: { type: 'object', properties: { key: { type: 'string' } }, required: ['key'] },
};

/** Those who wait, and what is open already. */
class Gates {
  readonly #opened = new Set<string>();
  readonly #waiting = new Map<string, (() => void)[]>();

  wait(gate: string, then: () => void): void {
    if (this.#opened.has(gate)) return then();
    this.#waiting.set(gate, [...(this.#waiting.get(gate) ?? []), then]);
  }

  open(gate: string): void {
    this.#opened.add(gate);
    const waiting = this.#waiting.get(gate) ?? [];
    this.#waiting.delete(gate);
    for (const then of waiting) then();
  }
}
