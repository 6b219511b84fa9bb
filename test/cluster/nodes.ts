/**
 * Several nodes in one process, each behind a server of its own, with a clock, a way to the store and the directory, and a
 * network of its own: so that one can be cut off, paused or killed while the others go on.
 */
import { expect, onTestFinished } from 'vitest';
import { linkNetwork } from '../../src/cluster/linkNetwork.ts';
import type { PeerNetwork } from '../../src/cluster/peerNetwork.ts';
import {
  createMemoryDirectory,
  createMemorySessionStore,
  type Directory,
  type SessionStore,
  type SessionSupervisorOptions,
} from '../../src/index.ts';
import { type Connected, type ConnectOptions, connectClient } from '../support/client.ts';
import { type Served, serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { turns, until } from '../support/until.ts';
import { del, get, initialize, post, type WireResponse } from '../support/wire.ts';

export const LEASE = 5_000;
const SECRET = 'a secret that only the nodes of this test have';

type Options = Partial<SessionSupervisorOptions>;
type ClusterGiven = Partial<NonNullable<SessionSupervisorOptions['cluster']>>;

export interface NodeGiven extends Options {
  readonly name: string;
  readonly given?: ClusterGiven | undefined;
}

/** What a node can reach. */
class Ways {
  store = true;
  directory = true;
  /** Peers get through to it, and it to them. */
  peers = true;
}

export interface Node extends Served {
  readonly name: string;
  readonly clock: SimulatedClock;
  readonly ways: Ways;
  /** How often a record of this node's was written. */
  readonly writes: string[];
}

export class Nodes {
  readonly clock = new SimulatedClock();
  readonly directory = createMemoryDirectory({ clock: this.clock });
  readonly store = createMemorySessionStore();
  readonly all: Node[] = [];
  /** By the URLs of the peer listeners. */
  readonly #listening = new Map<string, Ways>();

  /** Starts a node, and waits until it has joined. */
  async start({ name, given = {}, ...options }: NodeGiven): Promise<Node> {
    const node = await this.launch({ name, given, ...options });
    await until(() => node.supervisor.stats().cluster?.state === 'member', { what: `${name} to join` });
    return node;
  }

  async launch({ name, given = {}, ...options }: NodeGiven): Promise<Node> {
    const { directory: own = this.directory, ...others } = given;
    const ways = new Ways();
    const clock = new SimulatedClock();
    clock.increment(this.clock.now());
    const writes: string[] = [];
    const served = await serve({
      clock,
      sessionStore: throughStore(this.store, ways, writes),
      cluster: {
        directory: throughDirectory(own, ways),
        node: name,
        listen: { host: '127.0.0.1', port: 0 },
        secrets: [SECRET],
        leaseTime: LEASE,
        network: this.#network(ways),
        ...others,
      },
      ...options,
    });
    const node = Object.assign(served, { name, clock, ways, writes });
    this.all.push(node);
    onTestFinished(() => {
      Object.assign(ways, { store: true, directory: true, peers: true });
    });
    return node;
  }

  /** A network in which who has no way to his peers is reached by nobody: their connections are refused. */
  #network(ways: Ways): PeerNetwork {
    const network = linkNetwork();
    return {
      listen: async (options, take) => {
        const listener = await network.listen(options, take);
        this.#listening.set(listener.url, ways);
        return listener;
      },
      send: (url, outgoing) => {
        const isOpen = ways.peers && this.#listening.get(url)?.peers !== false;
        return network.send(isOpen ? url : 'http://127.0.0.1:9', outgoing);
      },
    };
  }

  /** Lets time pass, for the directory and for these nodes, in steps, as clocks that tick do. */
  async pass(ms: number, nodes: readonly Node[] = this.all, step = 100): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.increment(Math.min(step, left));
      for (const { clock } of nodes) clock.increment(Math.min(step, left));
      await turns(6);
    }
  }

  /** Lets time pass until a promise has settled. */
  async passUntil<T>(promise: Promise<T>, nodes: readonly Node[] = this.all, most = 30_000): Promise<T> {
    let settled = false;
    promise.then(
      () => {
        settled = true;
      },
      () => {
        settled = true;
      },
    );
    for (let passed = 0; !settled && passed < most; passed += 50) await this.pass(50, nodes, 50);
    expect(settled, `within ${most} ms`).toBe(true);
    return promise;
  }

  /** It dies without a word: its clients and peers get no answer, and it does nothing any more. */
  async kill(node: Node): Promise<void> {
    Object.assign(node.ways, { store: false, directory: false, peers: false });
    node.httpServer.closeAllConnections();
    await new Promise((done) => node.httpServer.close(done));
    await turns(2);
  }
}

const NEVER = new Promise<never>(() => {});

function throughStore(store: SessionStore, ways: Ways, writes: string[]): SessionStore {
  const operations = ['create', 'load', 'claim', 'update', 'park', 'remove', 'expired', 'count', 'countOf'] as const;
  const through = operations.map((name) => [
    name,
    async (...given: unknown[]) => {
      if (!ways.store) await NEVER;
      if (['create', 'claim', 'update', 'park', 'remove'].includes(name)) writes.push(name);
      return (store[name] as (...all: unknown[]) => Promise<unknown>)(...given);
    },
  ]);
  return { durable: true, counts: false, close: async () => {}, ...Object.fromEntries(through) } as SessionStore;
}

function throughDirectory(directory: Directory, ways: Ways): Directory {
  const operations = ['join', 'renew', 'leave', 'find', 'named', 'lives'] as const;
  const through = operations.map((name) => [
    name,
    async (...given: unknown[]) => {
      if (!ways.directory) await NEVER;
      return (directory[name] as (...all: unknown[]) => Promise<unknown>)(...given);
    },
  ]);
  return { close: async () => {}, ...Object.fromEntries(through) } as Directory;
}

const headersOf = (id: string) => ({ 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' });

/** Opens a session at a node. */
export async function open({ url }: Node): Promise<string> {
  const { sessionId } = await initialize(url);
  return sessionId;
}

let calls = 0;

/** Calls a tool of a session at a node. */
export function call(
  { url }: Node,
  id: string,
  name = 'echo',
  args: Record<string, unknown> = { text: 'hello' },
  headers: Record<string, string> = {},
): Promise<WireResponse> {
  const message = { jsonrpc: '2.0', id: `call-${++calls}`, method: 'tools/call', params: { name, arguments: args } };
  return post(url, message, { ...headersOf(id), ...headers }, { within: 30_000 });
}

/** What a call was answered: its text, its error, or the status of a refusal. */
export function outcomeOf(response: WireResponse): string | number {
  if (response.status !== 200) return response.status;
  const last = response.messages().at(-1) as { result?: { content?: { text: string }[] }; error?: { message: string } };
  return last.result?.content?.[0]?.text ?? `error: ${last.error?.message}`;
}

/** The SDK's client, whose requests go to one node after the other, as through a balancer that knows of no sessions. */
export function connectThrough(nodes: readonly Node[], options: ConnectOptions = {}): Promise<Connected> {
  let turn = 0;
  const spread: typeof fetch = (_, init) => fetch((nodes[turn++ % nodes.length] as Node).url, init);
  const [first] = nodes as [Node];
  return connectClient(first.url, { ...options, transport: { fetch: spread as never, ...options.transport } });
}

/** Asks for a session in other ways than by a POST. */
export const asked = {
  get: ({ url }: Node, id: string) => get(url, headersOf(id)),
  delete: ({ url }: Node, id: string) => del(url, headersOf(id)),
};
