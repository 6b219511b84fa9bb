/** A TCP proxy before a server, whose connections a test can cut: what a client's network does to it. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface CuttingProxy {
  /** The URL of the server, through the proxy. */
  readonly url: string;
  /** Cuts every connection that there is, towards both sides. Returns how many. */
  cut(): number;
}

/** A proxy on a free loopback port; closed when the test ends. */
export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const { port, pathname } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.pipe(upstream).pipe(client);
    for (const socket of pair) {
      socket.on('error', () => {}); // 'close' tells
      socket.on('close', () => {
        pairs.delete(pair);
        for (const either of pair) either.destroy();
      });
    }
  });
  const cut = () => {
    const { size } = pairs;
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
    return size;
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`, cut };
}
