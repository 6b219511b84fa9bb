/**
 * The contract of a directory: which nodes of a cluster live, and where they are reached. A process joins under the name
 * of its node, which makes one life of that node, and stays by renewing its lease. A life whose lease has run out is over
 * and never comes again: who goes on joins anew, as another life. Who has a session is not asked here: its record says
 * which life that is (`SessionRecord.owner`), and here is said whether that goes on.
 *
 * Leases are counted by one clock, that of the directory. A promise that rejects: nobody knows, what was asked may have
 * been done or not.
 */

/** One life of a node. */
export interface NodeLife {
  /** `<node>#<random>`: never the same twice. 3 to 128 visible ASCII characters. */
  readonly id: string;
  /** The name of the node: `[A-Za-z0-9_-]{1,32}`. */
  readonly node: string;
  /** Where its peers reach it: `http://host:port`, or `https://…`. */
  readonly url: string;
}

/** How many lives `lives` tells at most. */
export const MAX_LIVES = 1_000;

/** Which nodes of a cluster live: a life for each, under the name of its node, for as long as its lease is renewed. */
export interface Directory {
  /** Begins a life for `leaseTime` ms, unless another one goes on under the name of its node: then `taken`. */
  join(life: NodeLife, leaseTime: number): Promise<'joined' | 'taken'>;

  /** Has a life go on for `leaseTime` ms from now. `gone` where it is over, which this does not change. */
  renew(id: string, leaseTime: number): Promise<'renewed' | 'gone'>;

  /** Ends a life before its lease does; one that is over stays so. */
  leave(id: string): Promise<void>;

  /** The life with this id, as long as it goes on. */
  find(id: string): Promise<NodeLife | undefined>;

  /** The life that goes on under the name of this node. */
  named(node: string): Promise<NodeLife | undefined>;

  /** All lives that go on, 1 000 at most, in no order. */
  lives(): Promise<readonly NodeLife[]>;

  /** Ends its work. From then on every operation rejects. No life ends by it before its lease does. */
  close(): Promise<void>;
}
