/** The SDKs' own clients over a kill -9 of their server, which is away for a while. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { BuiltCommand } from '../cli/command.ts';
import { SDK_CLIENTS } from '../support/gap.ts';
import { withTimeout } from '../support/until.ts';
import { MortalServer } from './mortalServer.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/server.js', import.meta.url));

/** A call takes no longer where others are busy, in ms; and how often something is announced until it is heard. */
const WITHIN = 15_000;
const PAUSE = 100;

/** What became of a client. */
export interface Survived {
  readonly version: string;
  /** A call that was made while nobody listened failed. */
  readonly refused: boolean;
  /** What calls counted before and after, and in which epoch. */
  readonly counts: readonly unknown[];
  /** Of what was announced on its GET stream before and after, what came. */
  readonly heard: readonly string[];
}

/**
 * Takes one client of each SDK over the death of their server, which is started again after so many ms. Their GET streams
 * have `within` ms after that to be open again. Its sessions are in a directory, unless flags say otherwise.
 */
export async function crossKill(
  command: BuiltCommand,
  gap: number,
  within: number,
  flags: readonly string[] = [],
): Promise<Survived[]> {
  const directory = await mkdtemp(join(tmpdir(), 'gap-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const store = flags.includes('--session-store') ? [] : ['--session-store', directory];
  const server = new MortalServer(command, [FIXTURE, ...store, ...flags]);
  await server.start();
  const clients = await Promise.all(
    SDK_CLIENTS.map(async ([version, connect]) => {
      const told: unknown[] = [];
      return { version, told, client: await connect(server.url, (data) => told.push(data)) };
    }),
  );
  type Client = (typeof clients)[number];
  const call = async ({ client }: Client, name: string, args: object) => {
    const called = client.call(name, { token: name, ...args });
    const answer = await withTimeout(called, { within: WITHIN, what: name });
    return typeof answer === 'string' ? answer : (answer as { content: [{ text: string }] }).content[0].text;
  };
  const count = async (client: Client) => {
    const { count, epoch } = JSON.parse(await call(client, 'count', { before: 0, after: 0 }));
    return { count, epoch };
  };
  /** Announces it until it is heard, or for so long. */
  const announce = async (client: Client, token: string, atMost: number) => {
    const deadline = performance.now() + atMost;
    while (!client.told.includes(token) && performance.now() < deadline) {
      await call(client, 'announce', { token });
      await passing(PAUSE); // it comes by another stream than the answer
    }
  };
  try {
    const before = await Promise.all(clients.map((client) => count(client)));
    await Promise.all(clients.map((client) => announce(client, 'before', WITHIN)));
    await server.kill();
    const failed = clients.map(({ client }) => client.call('count', { token: 'x', before: 0, after: 0 }));
    const refused = (await Promise.allSettled(failed)).map(({ status }) => status === 'rejected');
    await passing(gap);
    await server.start();
    const after = await Promise.all(clients.map((client) => count(client)));
    await Promise.all(clients.map((client) => announce(client, 'after', within)));
    return clients.map(({ version, told }, n) => ({
      version,
      refused: refused[n] === true,
      counts: [before[n], after[n]],
      heard: [...new Set(told.map(String))],
    }));
  } finally {
    await Promise.all(clients.map(({ client }) => client.close()));
  }
}
