/** A server that counts in `session.state`, and speaks to its transport directly; it remembers what it was told. */
import type { ConnectableServer, SessionContext } from '../../index.ts';

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly level?: string; readonly uri?: string };
}

interface Wire {
  onmessage?: (message: Message) => void;
  onclose?: () => void;
  send(message: object): Promise<void>;
  close(): Promise<void>;
}

export class CountingServer implements ConnectableServer {
  readonly context: SessionContext;
  readonly told: string[] = [];
  closed = false;
  readonly #gate: (what: string) => Promise<void>;
  #wire: Wire | undefined;

  /** `gate` is waited for before an answer that takes its time. */
  constructor(context: SessionContext, gate: (what: string) => Promise<void>) {
    this.context = context;
    this.#gate = gate;
  }

  async connect(wire: Wire): Promise<void> {
    this.#wire = wire;
    wire.onmessage = (message) => void this.#take(message);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#wire?.close();
  }

  async #take({ id, method, params }: Message): Promise<void> {
    if (method === 'notifications/initialized') this.told.push('initialized');
    if (method === 'logging/setLevel') this.told.push(`level ${params?.level}`);
    if (method === 'resources/subscribe') this.told.push(`subscribed ${params?.uri}`);
    if (id === undefined || method === undefined) return;
    if (method === 'count slowly') await this.#gate('answer').catch(() => {});
    await this.#wire?.send({ jsonrpc: '2.0', id, result: this.#result(method) }).catch(() => {});
  }

  #result(method: string): object {
    if (method === 'initialize') {
      return {
        protocolVersion: '2025-11-25',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'counting', version: '1' },
      };
    }
    if (!method.startsWith('count')) return { told: this.told };
    const { state } = this.context;
    const n = Number(state?.get('n') ?? 0) + 1;
    try {
      state?.set('n', n);
    } catch {
      return { late: true }; // its part in the session is over
    }
    return { n };
  }
}
