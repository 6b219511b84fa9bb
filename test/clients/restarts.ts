/** Clients through the restarts of their server: what each of them did, as it was seen. */
import { setTimeout as passing } from 'node:timers/promises';
import type { MortalServer } from '../processes/mortalServer.ts';
import { withTimeout } from '../support/until.ts';
import type { TriedClient, When } from './clientList.ts';
import type { ClientProcess as Process } from './clientProcess.ts';

type ClientProcess = Process<TriedClient>;

/** In ms. */
const SHORT_GAP = 500;
const LONG_GAP = 6_000;
/** Longer than the streams of the SDKs' clients take to come back: two tries, at their latest. */
const RESUMES_WITHIN = 25_000;
/** It comes by another stream than the answer of the call that had it sent. */
const PAUSE = 100;

/** What a call of `count` came to: what it counted, in which epoch of its session; or how it failed. */
export type Counted = { readonly count: number; readonly epoch: number } | string;

/** What became of a client whose sessions outlive their process. */
export interface Survived {
  /** In order: at first, after a kill, a drain, a kill with a long gap, and one with a call in the gap. */
  readonly counts: readonly Counted[];
  readonly tools: readonly unknown[];
  readonly cutOff: unknown;
  /** How a call in the gap failed. */
  readonly refused: Counted;
  readonly hears: Readonly<Record<When, boolean>>;
}

/** Whatever a client does becomes a value, so that it is seen beside what the others do. */
const orFailure = <T>(promise: Promise<T>): Promise<T | string> => promise.catch((error: unknown) => String(error));

/** What all clients do, side by side. */
class Crowd {
  readonly #clients: readonly ClientProcess[];
  readonly #url: string;
  #announcements = 0;

  constructor(clients: readonly ClientProcess[], url: string) {
    this.#clients = clients;
    this.#url = url;
  }

  connect = () => this.#all((client) => client.connect(this.#url));

  count = () => this.#all((client) => orFailure(client.call(this.#url, 'count') as Promise<Counted>));

  tools = () => this.#all((client) => orFailure(client.tools(this.#url)));

  /**
   * Has the server say something by itself until it is heard. Those that are expected to hear are waited for, the others
   * are asked when these have.
   */
  async hears(when: When): Promise<boolean[]> {
    const before = this.#clients.map(({ heard }) => heard.length);
    const token = `${when} ${this.#announcements++}`;
    const hasHeard = ({ heard }: ClientProcess, n: number) =>
      heard.slice(before[n]).some((data) => data === token || data === null);
    const deadline = performance.now() + RESUMES_WITHIN;
    for (;;) {
      await this.#all((client) => orFailure(client.call(this.#url, 'announce', { token })));
      await passing(PAUSE);
      const missing = this.#clients.filter((client, n) => client.client.hears[when] && !hasHeard(client, n));
      if (missing.length === 0 || performance.now() > deadline) return this.#clients.map(hasHeard);
    }
  }

  /** Calls that are never answered; resolves when all run, to what is told of each later. */
  async hang(server: MortalServer): Promise<() => Promise<unknown[]>> {
    const ends = this.#clients.map((): unknown => 'hangs');
    const calls = await this.#all(async (client, n) => {
      const { module } = client.client;
      const call = client.begin(this.#url, 'hang', { token: module });
      const settled = orFailure(call).then((how) => {
        ends[n] = how;
      });
      await server.process.line(new RegExp(`^hangs ${module}$`));
      // When a later request is answered, the client has the head of this answer: from then on it can be resumed.
      await client.tools(this.#url);
      return { settled };
    });
    return async () => {
      const told = calls.filter((_, n) => this.#clients[n]?.client.cutOff === 'fails');
      const allTold = Promise.all(told.map(({ settled }) => settled));
      // Whoever is late is seen to hang.
      await withTimeout(allTold, { within: RESUMES_WITHIN }).catch(() => {});
      return ends;
    };
  }

  #all<T>(act: (client: ClientProcess, n: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#clients.map(act));
  }
}

async function restart(server: MortalServer, gap = 0, signal?: NodeJS.Signals): Promise<void> {
  await server.kill(signal);
  await passing(gap);
  await server.start();
}

/** Takes clients through all restarts of a server that keeps their sessions. */
export async function surviveRestarts(clients: readonly ClientProcess[], server: MortalServer): Promise<Survived[]> {
  await server.start();
  const crowd = new Crowd(clients, server.url);
  await crowd.connect();
  const tools = [await crowd.tools()];
  const counts = [await crowd.count()];
  const before = await crowd.hears('before');

  const endsOfHanging = await crowd.hang(server);
  await restart(server, SHORT_GAP);
  counts.push(await crowd.count());
  const cutOff = await endsOfHanging();
  const killed = await crowd.hears('killed');

  await restart(server, 0, 'SIGTERM');
  counts.push(await crowd.count());
  const drained = await crowd.hears('drained');

  await restart(server, LONG_GAP);
  counts.push(await crowd.count());
  const away = await crowd.hears('away');

  await server.kill();
  const refused = await crowd.count();
  await server.start();
  counts.push(await crowd.count());
  tools.push(await crowd.tools());
  await server.kill();

  const of = (n: number) => ({
    counts: counts.map((each) => each[n] as Counted),
    tools: tools.map((each) => each[n]),
    cutOff: cutOff[n],
    refused: refused[n] as Counted,
    hears: {
      before: before[n] === true,
      killed: killed[n] === true,
      drained: drained[n] === true,
      away: away[n] === true,
    },
  });
  return clients.map((_, n) => of(n));
}

/** The same for a server whose sessions end with it: what clients count, before it is killed and two times after that. */
export async function loseSessions(clients: readonly ClientProcess[], server: MortalServer): Promise<Counted[][]> {
  await server.start();
  const crowd = new Crowd(clients, server.url);
  await crowd.connect();
  const counts = [await crowd.count()];
  await restart(server, SHORT_GAP);
  counts.push(await crowd.count(), await crowd.count());
  await server.kill();
  return clients.map((_, n) => counts.map((each) => each[n] as Counted));
}
