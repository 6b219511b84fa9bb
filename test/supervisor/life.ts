/** What stands around one life of a session in a test: a host that keeps what it is told, and a server that is the test's. */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { LogEntry, ResolvedOptions } from '../../src/options.ts';
import { ServerCount } from '../../src/supervisor/serverCount.ts';
import { resolve } from '../support/givenOptions.ts';
import { WatchedClock } from '../support/watchedClock.ts';

export class TestHost {
  readonly clock = new WatchedClock();
  readonly options: ResolvedOptions;
  readonly log = (entry: LogEntry): void => void this.entries.push(entry);
  readonly entries: LogEntry[] = [];
  readonly load = { calls: 0, streams: 0 };
  readonly servers = new ServerCount(2);

  constructor(options: object) {
    this.options = resolve({ clock: this.clock, ...options });
  }
}

/** A server that answers nothing by itself, and remembers what was done with it. */
export class PassiveServer {
  readonly did: string[] = [];
  #transport: Transport | undefined;

  /** Set once it is connected. */
  get transport(): Transport {
    if (this.#transport === undefined) throw new Error('It is not connected');
    return this.#transport;
  }

  async connect(transport: Transport): Promise<void> {
    this.#transport = transport;
    transport.onmessage = () => {};
    this.did.push('connected');
  }

  async close(): Promise<void> {
    this.did.push('closed');
  }
}

export const INITIALIZE: JSONRPCRequest = { jsonrpc: '2.0', id: 0, method: 'initialize' };
