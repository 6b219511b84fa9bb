/** What every server of the bench does around its handler: listen, and tell the parent its CPU time and memory. */
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answers, answerParent } from '../child.ts';

/** Bytes in use after garbage collection. */
export interface Memory {
  readonly heap: number;
  /** Buffers, which are outside of the heap. */
  readonly external: number;
  readonly rss: number;
}

/**
 * Serves on a free port of 127.0.0.1; answers `cpu` (microseconds so far), `memory`, `startProfile`, `stopProfile`, and
 * what else there is to ask.
 */
export function listen(listener: RequestListener, more: Answers = {}): void {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1', () => {
    answerParent(
      { cpu: cpuMicros, memory, startProfile, stopProfile, ...more },
      (server.address() as AddressInfo).port,
    );
  });
}

/** User and system CPU time of this process, garbage collector threads included, in microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Collects until the heap stops shrinking: finalizers and weak references give memory back only over several turns of
 * the event loop.
 */
export async function collect(): Promise<void> {
  if (gc === undefined) throw new Error('the bench needs --expose-gc');
  let last = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 20; turn++) {
    gc();
    await delay(10);
    const { heapUsed } = process.memoryUsage();
    if (turn >= 3 && heapUsed > last * 0.999) return;
    last = heapUsed;
  }
}

async function memory(): Promise<Memory> {
  await collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

const inspector = new Session();

async function startProfile(): Promise<void> {
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.setSamplingInterval', { interval: 200 });
  await inspector.post('Profiler.start');
}

async function stopProfile({ file }: { file: string }): Promise<void> {
  const { profile } = await inspector.post('Profiler.stop');
  inspector.disconnect();
  await writeFile(file, JSON.stringify(profile));
}
