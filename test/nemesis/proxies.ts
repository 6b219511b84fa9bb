/** A network of proxies on loopback: what goes to one node is cut for all its peers at once. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Addresses, type Cut, type Network, type Place, REDIS } from './network.ts';

/** What a proxy does with one direction. Whatever it does, what comes first goes first, or streams would be garbled. */
class Way {
  #isCut = false;
  #delay = 0;
  readonly #held: { readonly due: number; readonly write: () => void }[] = [];

  pass(write: () => void): void {
    if (!this.#isCut && this.#delay === 0 && this.#held.length === 0) return write();
    this.#held.push({ due: performance.now() + this.#delay, write });
    if (this.#delay > 0) setTimeout(() => this.#pump(), this.#delay);
  }

  cut(): void {
    this.#isCut = true;
  }

  delay(ms: number): void {
    this.#delay = ms;
  }

  /** What was held arrives now, as packets that are sent again do. */
  heal(): void {
    this.#isCut = false;
    this.#delay = 0;
    for (const { write } of this.#held.splice(0)) write();
  }

  #pump(): void {
    // Timers are right to the millisecond only.
    while (!this.#isCut && (this.#held[0]?.due ?? Number.POSITIVE_INFINITY) <= performance.now() + 1) {
      this.#held.shift()?.write();
    }
  }
}

class Relay {
  readonly to = new Way();
  readonly back = new Way();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
      this.#join(client, upstream, this.to);
      this.#join(upstream, client, this.back);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  heal(): void {
    this.to.heal();
    this.back.heal();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends as well as bytes wait for a way that is cut. */
  #join(from: Socket, other: Socket, way: Way): void {
    this.#sockets.add(from);
    from.on('data', (data) => way.pass(() => void (other.destroyed || other.write(data))));
    from.on('end', () => way.pass(() => other.end()));
    from.on('error', () => {}); // 'close' tells
    from.on('close', () => {
      this.#sockets.delete(from);
      way.pass(() => other.destroy());
    });
  }
}

export class Proxies implements Network {
  readonly kind = 'proxies';
  readonly delays = true;
  readonly redisHost = '127.0.0.1';
  readonly withinRedis = [];
  readonly #redisPort: number;
  readonly #toRedis = new Map<Place, Relay>();
  readonly #toNode = new Map<Place, Relay>();

  constructor(redisPort: number) {
    this.#redisPort = redisPort;
  }

  async addressesOf(node: string, peerPort: number): Promise<Addresses> {
    const [toRedis, toNode] = [new Relay(this.#redisPort), new Relay(peerPort)];
    this.#toRedis.set(node, toRedis);
    this.#toNode.set(node, toNode);
    return {
      host: '127.0.0.1',
      peerUrl: `http://127.0.0.1:${await toNode.listen()}`,
      redisUrl: `redis://127.0.0.1:${await toRedis.listen()}`,
      within: [],
    };
  }

  async cut(ways: readonly Cut[]): Promise<void> {
    for (const way of ways) this.#way(way).cut();
  }

  async delay(ways: readonly Cut[], ms: number): Promise<void> {
    for (const way of ways) this.#way(way).delay(ms);
  }

  async heal(): Promise<void> {
    for (const proxy of this.#all()) proxy.heal();
  }

  async dispose(): Promise<void> {
    for (const proxy of this.#all()) proxy.close();
  }

  #way({ from, to }: Cut): Way {
    const way =
      to === REDIS
        ? this.#toRedis.get(from)?.to
        : from === REDIS
          ? this.#toRedis.get(to)?.back
          : this.#toNode.get(to)?.to;
    if (way === undefined) throw new Error(`There is no way from ${from} to ${to}`);
    return way;
  }

  #all(): Relay[] {
    return [...this.#toRedis.values(), ...this.#toNode.values()];
  }
}
