/** The bounds of an inspector, and what happens at each: to who reaches it, and to nobody else. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { type Inspector, serveInspector } from '../../src/inspector/index.ts';
import { serve, supervise } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { closeCode, FeedClient, openSocket, statusOf } from './feedClient.ts';
import { inspect, serveInspected } from './inspect.ts';

/** A viewer that stops reading from its socket. */
function freeze(socket: WebSocket): void {
  socket.pause();
}

describe('what is no frame', () => {
  test.each([
    ['no JSON', 'hello'],
    ['no object', '"open"'],
    ['null', 'null'],
    ['an unknown type', '{"type":"explode"}'],
    ['an open without a key', '{"type":"open"}'],
    ['a key that is no text', '{"type":"terminate","key":{}}'],
    ['an array', '[{"type":"close"}]'],
    ['bytes', Buffer.from([1, 2, 3])],
  ])('%s: the viewer is sent away with 1008', async (_, garbage) => {
    const { inspector } = await serveInspected();
    const [socket, other] = [openSocket(inspector), new FeedClient(inspector)];
    await statusOf(socket);
    const code = closeCode(socket);
    socket.send(garbage);
    expect(await withTimeout(code)).toBe(1008);
    await other.synchronized();
  });

  test('a frame that is too long: 1009', async () => {
    const { inspector } = await serveInspected();
    const socket = openSocket(inspector);
    await statusOf(socket);
    const code = closeCode(socket);
    socket.send(JSON.stringify({ type: 'open', key: 'x'.repeat(5_000) }));
    expect(await withTimeout(code)).toBe(1009);
  });

  test('anything at all that is said to the relay: 1008', async () => {
    const { inspector } = await serveInspected();
    const socket = openSocket(inspector, { path: '/stately' });
    await statusOf(socket);
    const code = closeCode(socket);
    socket.send('{"type":"close"}');
    expect(await withTimeout(code)).toBe(1008);
  });

  test('a flood of it costs the flooder its connection, and nobody else anything', async () => {
    const { inspector, url } = await serveInspected();
    const { sessionId } = await initialize(url);
    const calm = await new FeedClient(inspector).synchronized();
    const flooders = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = openSocket(inspector);
        await statusOf(socket);
        const code = closeCode(socket);
        for (let n = 0; n < 1_000; n++) socket.send(`garbage ${n}`);
        return code;
      }),
    );
    expect(new Set(await withTimeout(Promise.all(flooders)))).toEqual(new Set([1008]));
    await call(url, sessionId, 'echo', { text: 'x' }, 1);
    await until(() => (calm.transitions['active→idle'] ?? 0) > 0);
  });

  test('good frames in too great a number are too much as well', async () => {
    const { inspector } = await serveInspected();
    const socket = openSocket(inspector);
    await statusOf(socket);
    const code = closeCode(socket);
    for (let n = 0; n < 200; n++) socket.send('{"type":"close"}');
    expect(await withTimeout(code)).toBe(1008);
  });
});

describe('a viewer that reads nothing', () => {
  test.each(['/feed', '/stately'])('%s: is gone after two pings', async (path) => {
    const { inspector } = await serveInspected({}, { pingInterval: 50, maxViewers: 1 });
    const frozen = openSocket(inspector, { path });
    await statusOf(frozen);
    freeze(frozen);
    expect(await statusOf(openSocket(inspector))).toBe(503);
    await until(async () => (await statusOf(openSocket(inspector))) === 101, { within: 5_000 });
  });

  test('one that answers is kept', async () => {
    const { inspector } = await serveInspected({}, { pingInterval: 20 });
    const client = await new FeedClient(inspector).synchronized();
    let pings = 0;
    client.socket.on('ping', () => pings++);
    await until(() => pings >= 5);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  test('pongs that nobody asked for do not count', async () => {
    const { inspector } = await serveInspected({}, { pingInterval: 50, maxViewers: 1 });
    const frozen = openSocket(inspector);
    await statusOf(frozen);
    freeze(frozen);
    const pongs = setInterval(() => frozen.pong('here'), 10);
    onTestFinished(() => clearInterval(pongs));
    frozen.on('error', () => {});
    expect(await statusOf(openSocket(inspector))).toBe(503);
    await until(async () => (await statusOf(openSocket(inspector))) === 101, { within: 5_000 });
  });
});

describe('the end', () => {
  async function withViewers(): Promise<{ inspector: Inspector; clients: FeedClient[] }> {
    const { inspector } = await serveInspected();
    const clients = Array.from({ length: 5 }, () => new FeedClient(inspector));
    await Promise.all(clients.map((client) => client.synchronized()));
    return { inspector, clients };
  }

  test('sends viewers away, and is over once for all', async () => {
    const { inspector, clients } = await withViewers();
    const codes = Promise.all(clients.map(({ socket }) => closeCode(socket)));
    await withTimeout(Promise.all([inspector.close(), inspector.close()]));
    expect(new Set(await codes)).toEqual(new Set([1001]));
    await expect(statusOf(openSocket(inspector))).rejects.toThrow('ECONNREFUSED');
  });

  test('tells what there is left to tell', async () => {
    const { inspector, supervisor, url } = await serveInspected({}, { interval: 60_000 });
    const { sessionId } = await initialize(url);
    const client = await new FeedClient(inspector).synchronized();
    await supervisor.terminate(sessionId);
    await Promise.all([closeCode(client.socket), inspector.close()]);
    expect([...client.ended.values()]).toEqual([expect.objectContaining({ reason: 'terminated' })]);
  });

  test('does not wait for a viewer that does not leave', async () => {
    const { inspector, clients } = await withViewers();
    for (const { socket } of clients) freeze(socket);
    await expect(withTimeout(inspector.close(), { within: 4_000 })).resolves.toBeUndefined();
  });

  test('leaves no timer, no handle and no listener behind', async () => {
    const { supervisor, log } = await serve();
    const [before, hears, intervals] = [handles(), counting(supervisor), countingIntervals()];
    expect(hears()).toBe(0);
    const inspector = await serveInspector(supervisor, { interval: 10 });
    const client = await new FeedClient(inspector).synchronized();
    const stately = openSocket(inspector, { path: '/stately' });
    await statusOf(stately);
    expect([hears(), intervals()]).toEqual([10, 5]);
    const gone = Promise.all([closeCode(client.socket), closeCode(stately)]);
    await inspector.close();
    await gone;
    expect([hears(), intervals()]).toEqual([0, 0]);
    const more = () => [...handles()].filter(([name, count]) => count > (before.get(name) ?? 0));
    await until(() => more().length === 0, { what: `no more than ${[...before]} to be left` });
    expect(log).toEqual([]);
  });

  test('while nobody looks, nobody hears of changes', async () => {
    const { supervisor } = await serve();
    const hears = counting(supervisor);
    const inspector = await inspect(supervisor);
    expect(hears()).toBe(5); // who comes and who goes, and which handles end
    const client = await new FeedClient(inspector).synchronized();
    expect(hears()).toBe(9);
    client.socket.close();
    await until(() => hears() === 5);
  });

  test('the page connects again to one that was started anew', async () => {
    const { supervisor, url } = await serve();
    await initialize(url);
    const token = 'the-same-token-as-before';
    const first = await serveInspector(supervisor, { token, interval: 10 });
    const client = await new FeedClient(first).synchronized();
    const code = closeCode(client.socket);
    await first.close();
    expect(await code).toBe(1001);
    await initialize(url);
    const second = await inspect(supervisor, { token, port: first.port });
    const again = await new FeedClient(second).synchronized();
    expect(again.rows.size).toBe(2);
  });

  test('a supervisor that was drained is shown without sessions', async () => {
    const { supervisor, stop } = supervise();
    const inspector = await inspect(supervisor);
    await stop();
    const client = await new FeedClient(inspector).synchronized();
    expect([client.rows.size, client.totals?.ended]).toEqual([0, 0]);
  });
});

/** How many intervals there are that were not there before. */
function countingIntervals(): () => number {
  const running = new Set<unknown>();
  const { setInterval, clearInterval } = globalThis;
  vi.stubGlobal('setInterval', (...args: Parameters<typeof setInterval>) => {
    const timer = setInterval(...args);
    running.add(timer);
    return timer;
  });
  vi.stubGlobal('clearInterval', (timer: NodeJS.Timeout | undefined) => {
    running.delete(timer);
    clearInterval(timer);
  });
  return () => running.size;
}

/** What keeps the process alive, by kind. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (name !== 'Immediate') counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** How many listeners of its sessions' lives and of its actors a supervisor has: those that were added since. */
function counting(supervisor: ReturnType<typeof supervise>['supervisor']): () => number {
  let count = 0;
  const counted = (off: () => void) => {
    count++;
    let over = false;
    return () => {
      if (!over) count--;
      over = true;
      off();
    };
  };
  const { on } = supervisor;
  Object.assign(supervisor, {
    on: (...args: Parameters<typeof on>) => counted(on(...args)),
  });
  const { system } = supervisor.actor;
  const inspectSystem = system.inspect.bind(system);
  Object.assign(system, {
    inspect: (...args: Parameters<typeof inspectSystem>) => {
      const { unsubscribe } = inspectSystem(...args);
      return { unsubscribe: counted(unsubscribe) };
    },
  });
  return () => count;
}
