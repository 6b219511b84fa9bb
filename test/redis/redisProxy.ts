/** A way to Redis on which answers get lost: what was asked is done, and who asked does not hear of it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RedisProxy {
  readonly url: string;
  /** How many answers to scripts were lost so far. */
  readonly lost: number;
  /** Loses the answers to so many scripts from now on, each with its connection. */
  loseAnswers(count: number): void;
  /** Holds back what is sent to Redis from now on, or lets all of it go. */
  hold(isHeld: boolean): void;
}

/** A proxy on a free loopback port; closed when the test ends. */
export async function redisProxy(target: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  let toLose = 0;
  let lost = 0;
  let held: (() => void)[] | undefined;
  const server = createServer((client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true });
    let loses = false;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {}); // 'close' tells
      socket.on('close', () => {
        sockets.delete(socket);
        if (held === undefined) other.destroy();
      });
    }
    client.on('data', (data) => {
      if (toLose > 0 && !loses && /EVAL/.test(data.toString('latin1'))) {
        toLose--;
        loses = true;
      }
      const pass = () => void (upstream.destroyed || upstream.write(data));
      if (held === undefined) pass();
      else held.push(pass);
    });
    upstream.on('data', (data) => {
      if (!loses) return void (client.destroyed || client.write(data));
      // A script that Redis does not have yet was not run.
      if (data.toString('latin1').includes('NOSCRIPT')) {
        loses = false;
        toLose++;
        client.write(data);
        return;
      }
      lost++;
      client.resetAndDestroy();
      upstream.destroy();
    });
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lost() {
      return lost;
    },
    loseAnswers: (count) => {
      toLose = count;
    },
    hold: (isHeld) => {
      const passes = held ?? [];
      held = isHeld ? (held ?? []) : undefined;
      if (!isHeld) for (const pass of passes) pass();
    },
  };
}
