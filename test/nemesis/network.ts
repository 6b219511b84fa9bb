/**
 * The network between nodes and Redis, which a nemesis can break. Where the machine lets us, every node has a network
 * namespace, and packets are dropped; else there is a small proxy before Redis for each node, and one before each node for
 * its peers, and what passes through them is kept back.
 */

/** One end of a way. */
export type Place = string;

export interface Addresses {
  /** Where a node listens for clients and peers. */
  readonly host: string;
  /** How its peers reach it; undefined: where it listens. */
  readonly peerUrl: string | undefined;
  /** How it reaches Redis. */
  readonly redisUrl: string;
  /** What a process is started with, so that it is in this place. */
  readonly within: readonly string[];
}

export interface Cut {
  readonly from: Place;
  readonly to: Place;
}

export interface Network {
  /** What it is made of, for the log. */
  readonly kind: 'namespaces' | 'proxies' | 'loopback';
  /** It can delay as well. */
  readonly delays: boolean;
  /** Where Redis listens, and what its process is started with, so that it is there. */
  readonly redisHost: string;
  readonly withinRedis: readonly string[];
  /** @param peerPort Where the node listens for its peers. */
  addressesOf(node: string, peerPort: number): Promise<Addresses>;
  /** From now on nothing that is sent from the one gets to the other; what comes back, does. */
  cut(ways: readonly Cut[]): Promise<void>;
  /** All that goes through is late by so much, in ms. */
  delay(ways: readonly Cut[], ms: number): Promise<void>;
  /** All is as it was. */
  heal(): Promise<void>;
  dispose(): Promise<void>;
}

export const REDIS = 'redis';

/** What nobody breaks: everything is on loopback. */
export class Loopback implements Network {
  readonly kind = 'loopback';
  readonly delays = false;
  readonly redisHost = '127.0.0.1';
  readonly withinRedis = [];
  readonly #redisPort: number;

  constructor(redisPort: number) {
    this.#redisPort = redisPort;
  }

  async addressesOf(): Promise<Addresses> {
    const redisUrl = `redis://127.0.0.1:${this.#redisPort}`;
    return { host: '127.0.0.1', peerUrl: undefined, redisUrl, within: [] };
  }

  cut(): Promise<void> {
    throw new Error('Loopback does not break');
  }

  delay(): Promise<void> {
    throw new Error('Loopback does not delay');
  }

  async heal(): Promise<void> {}

  async dispose(): Promise<void> {}
}
