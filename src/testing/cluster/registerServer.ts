/** The server of a simulated cluster: a register in `session.state`, and calls that take their time. All it says is marked. */
import type { ConnectableServer, SessionContext } from '../../index.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';

/** What each answer and each notification says of who gave it. */
export interface Mark {
  readonly session: string;
  readonly epoch: number;
  /** The name of the process. */
  readonly by: string;
  /** Which of all servers. */
  readonly server: number;
  /** The register, where it was asked for. */
  readonly n?: number;
  /** Its part in the session was over. */
  readonly late?: boolean;
}

/** How long a slow call takes, in ms. */
const SLOW = 2_500;

interface Message {
  readonly id?: string | number;
  readonly method?: string;
}

interface Wire {
  onmessage?: (message: Message) => void;
  send(message: object, options?: { readonly relatedRequestId: string | number }): Promise<void>;
  close(): Promise<void>;
}

export class RegisterServer implements ConnectableServer {
  readonly #context: SessionContext;
  readonly #process: SimulatedProcess;
  readonly #number: number;
  #wire: Wire | undefined;

  constructor(context: SessionContext, process: SimulatedProcess, number: number) {
    this.#context = context;
    this.#process = process;
    this.#number = number;
  }

  async connect(wire: Wire): Promise<void> {
    this.#wire = wire;
    wire.onmessage = (message) => void this.#take(message);
  }

  async close(): Promise<void> {
    await this.#wire?.close();
  }

  async #take({ id, method }: Message): Promise<void> {
    if (id === undefined || method === undefined) return;
    const result = await this.#result(id, method);
    await this.#wire?.send({ jsonrpc: '2.0', id, result }).catch(() => {});
  }

  async #result(id: string | number, method: string): Promise<object> {
    switch (method) {
      case 'initialize':
        return {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'register', version: '1' },
        };
      case 'add':
        return this.#add();
      case 'add slowly': {
        const mark = this.#add();
        await this.#tell({ relatedRequestId: id });
        await new Promise<void>((resolve) => this.#process.setTimeout(resolve, SLOW));
        return mark;
      }
      case 'tell':
        await this.#tell();
        return this.#mark();
      default:
        return this.#mark({ n: Number(this.#context.state?.get('n') ?? 0) });
    }
  }

  #add(): Mark {
    const { state } = this.#context;
    const n = Number(state?.get('n') ?? 0) + 1;
    try {
      state?.set('n', n);
    } catch {
      return this.#mark({ late: true });
    }
    return this.#mark({ n });
  }

  async #tell(options?: { readonly relatedRequestId: string | number }): Promise<void> {
    const message = { jsonrpc: '2.0', method: 'notifications/message', params: this.#mark() };
    await this.#wire?.send(message, options).catch(() => {});
  }

  #mark(more: { readonly n?: number; readonly late?: boolean } = {}): Mark {
    const { id = '', epoch = 0 } = this.#context;
    return { session: id, epoch, by: this.#process.name, server: this.#number, ...more };
  }
}
