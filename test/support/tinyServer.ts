/** The least that a supervisor takes for a server, for tests that open very many sessions: it answers and that is all. */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ConnectableServer } from '../../src/options.ts';

export class TinyServer implements ConnectableServer {
  readonly #silent: boolean;
  #transport: Transport | undefined;

  /** A silent one answers the initialize and nothing else. */
  constructor({ silent = false } = {}) {
    this.#silent = silent;
  }

  async connect(transport: Transport): Promise<void> {
    this.#transport = transport;
    transport.onmessage = (message) => void this.#answer(message);
  }

  async close(): Promise<void> {
    await this.#transport?.close();
  }

  async #answer(message: JSONRPCMessage): Promise<void> {
    if (!('method' in message && 'id' in message)) return;
    if (this.#silent && message.method !== 'initialize') return;
    const serverInfo = { name: 'tiny', version: '1' };
    const initialized = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo };
    const result = message.method === 'initialize' ? initialized : {};
    await this.#transport?.send({ jsonrpc: '2.0', id: message.id, result });
  }
}
