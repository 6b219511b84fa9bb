/**
 * Every way through the machine of a listen stream, driven against a supervisor whose sessions are in use meanwhile: what a
 * client, the embedder and time can do to it, and what is to be seen then.
 */
import { setImmediate } from 'node:timers/promises';
import type { createSessionSupervisor as Create, SessionContext } from 'mcp-session-supervisor';
import type { ListenMachineEvent, listenMachine } from 'mcp-session-supervisor/machines';
import type * as Kit from 'mcp-session-supervisor/testing';
import { initialTransition, SimulatedClock, type SnapshotFrom, transition } from 'xstate';

type Machine = typeof listenMachine;
type Snapshot = SnapshotFrom<Machine>;

/** What is done, and the event that the machine gets by it. */
const DEEDS = {
  'its server is built': { type: 'ACKNOWLEDGED' },
  'its server fails': { type: 'REFUSED' },
  'a drain begins': { type: 'FINISH', reason: 'drained' },
  'too much is published': { type: 'OVERFLOW' },
  'its client leaves': { type: 'LEFT' },
  'its client reads all': { type: 'LEFT' },
  'its time to be read is up': { type: 'xstate.after.closeTimeout.listen.closing' },
} as const;
type Deed = keyof typeof DEEDS;

export interface ListenStep {
  readonly deed: Deed;
  readonly state: Snapshot['value'];
  readonly reason: string | null;
}

const CLOSE_TIMEOUT = 5_000;

/** How long something that is due may take, in real ms. */
const PATIENCE = 2_000;

/** A server is built once, a drain begins once, and a client that reads nothing is the one who sees a stream close. */
function deedsOf({ context: { reason }, value }: Snapshot): Deed[] {
  const drain: Deed[] = reason === null ? ['a drain begins'] : [];
  if (value === 'opening') return ['its server is built', 'its server fails', 'its client leaves', ...drain];
  if (value === 'open') return ['too much is published', 'its client leaves', ...drain];
  return value === 'closing' ? ['its client leaves', 'its client reads all', 'its time to be read is up'] : [];
}

export function listenPaths(machine: Machine): ListenStep[][] {
  const input = { streamId: 'model', closeTimeout: CLOSE_TIMEOUT };
  const from = (snapshot: Snapshot): ListenStep[][] => {
    const ways = deedsOf(snapshot).flatMap((deed) => {
      const [next] = transition(machine, snapshot, DEEDS[deed] as unknown as ListenMachineEvent);
      const step: ListenStep = { deed, state: next.value, reason: next.context.reason };
      return from(next).map((path) => [step, ...path]);
    });
    return ways.length === 0 ? [[]] : ways;
  };
  return from(initialTransition(machine, input)[0]);
}

export const describeListenPath = (path: readonly ListenStep[]): string =>
  path.map(({ deed, state }) => `${deed} → ${state}`).join(', ');

/** A server of SDK v2 that has something to listen to. */
export type BuildModern = (context: SessionContext) => object;

const ACCEPT = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const SESSION = '2025-11-25';
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** One walk: a stream, and beside it a session with a call in flight. Returns what is wrong, if anything is. */
export async function walkListenPath(
  path: readonly ListenStep[],
  create: typeof Create,
  { createGatedServer }: Pick<typeof Kit, 'createGatedServer'>,
  buildModern: BuildModern,
): Promise<string | undefined> {
  const walk = new Walk(create, createGatedServer(), buildModern);
  try {
    await walk.begin();
    for (const [index, step] of path.entries()) {
      const wrong = await walk.take(step);
      if (wrong !== undefined) return `${describeListenPath(path.slice(0, index + 1))}: ${wrong}`;
    }
    const left = await walk.end();
    return left && `${describeListenPath(path)}: ${left}`;
  } finally {
    await walk.cleanUp();
  }
}

class Walk {
  readonly #clock = new SimulatedClock();
  readonly #gated: ReturnType<typeof Kit.createGatedServer>;
  readonly #supervisor;
  readonly #abort = new AbortController();
  #build: (server: 'built' | 'failed') => void = () => {};
  #stream: Response | undefined;
  #text = '';
  #session = '';
  #draining: Promise<void> | undefined;
  #late = false;

  constructor(create: typeof Create, gated: ReturnType<typeof Kit.createGatedServer>, buildModern: BuildModern) {
    this.#gated = gated;
    const made = new Promise<'built' | 'failed'>((resolve) => {
      this.#build = resolve;
    });
    this.#supervisor = create({
      modern: 'serve',
      clock: this.#clock,
      logger: () => {},
      keepAliveInterval: Number.POSITIVE_INFINITY,
      maxStreamBuffer: 4_096,
      shutdownTimeout: CLOSE_TIMEOUT,
      server: async (context) => {
        if (context.era === 'session') return gated.factory(context);
        if ((await made) === 'failed') throw new Error('As the path has it');
        return buildModern(context) as never;
      },
    });
  }

  /** A session with a call in flight, and the request of the stream. */
  async begin(): Promise<void> {
    const params = { protocolVersion: SESSION, capabilities: {}, clientInfo: { name: 'beside', version: '1' } };
    const opened = await this.#post({ id: 0, method: 'initialize', params });
    this.#session = opened.headers.get('mcp-session-id') ?? '';
    await opened.text();
    const call = { id: 1, method: 'tools/call', params: { name: 'hold', arguments: { key: 'beside' } } };
    void this.#post(call, { 'mcp-session-id': this.#session }).then((answer) => answer.text());
    const notifications = { toolsListChanged: true };
    const listen = { id: 'l', method: 'subscriptions/listen', params: { notifications, _meta: META } };
    const named = {
      'mcp-session-id': this.#session,
      'mcp-method': listen.method,
      'mcp-protocol-version': '2026-07-28',
    };
    this.#post(listen, named, this.#abort.signal).then(
      (response) => {
        this.#stream = response;
      },
      () => {},
    );
    await turns(() => this.#states()[0] === 'opening' && this.#supervisor.stats().servers.starting === 1);
  }

  async take({ deed, state, reason }: ListenStep): Promise<string | undefined> {
    await this.#does(deed);
    const expected = state === 'ended' ? [] : [state];
    await turns(() => String(this.#states()) === String(expected));
    if (String(this.#states()) !== String(expected)) return `it is ${this.#states()[0] ?? 'gone'}`;
    if (deed === 'its client reads all' && this.#text.includes('"result"') !== (reason === 'drained'))
      return `its client reads ${JSON.stringify(this.#text.slice(-200))}`;
    if (this.#stream?.headers.has('mcp-session-id')) return 'it is answered with the id of a session';
    const { inFlight } = this.#supervisor.session(this.#session) ?? {};
    return this.#late || inFlight === 1 ? undefined : `the session beside it has ${inFlight} in flight`;
  }

  /** What is left when it has ended, and the session's call has been answered. */
  async end(): Promise<string | undefined> {
    this.#gated.release('beside');
    this.#build('failed'); // a factory that nobody waits for any more
    await turns(() => {
      const { calls, streams, servers } = this.#supervisor.stats();
      return calls + streams + servers.starting + servers.closing === 0;
    });
    const { calls, streams, servers } = this.#supervisor.stats();
    if (calls + streams + servers.starting + servers.closing > 0)
      return `${calls} calls, ${streams} streams, ${servers.starting} and ${servers.closing} servers are left`;
    let drained = this.#draining === undefined;
    void this.#draining?.then(() => {
      drained = true;
    });
    for (let n = 0; n < 3 && !drained; n++) {
      await turns(() => drained);
      this.#clock.increment(CLOSE_TIMEOUT); // whoever does not read is not waited for beyond that
    }
    await turns(() => drained);
    return drained ? undefined : 'the drain goes on';
  }

  async cleanUp(): Promise<void> {
    this.#build('failed');
    this.#abort.abort();
    this.#gated.release('beside');
    this.#draining ??= this.#supervisor.drain();
    let drained = false;
    void this.#draining.then(() => {
      drained = true;
    });
    for (let n = 0; n < 4 && !drained; n++) {
      await turns(() => drained);
      if (!drained) this.#clock.increment(CLOSE_TIMEOUT);
    }
  }

  async #does(deed: Deed): Promise<void> {
    switch (deed) {
      case 'its server is built':
        return this.#build('built');
      case 'its server fails':
        return this.#build('failed');
      case 'a drain begins':
        this.#draining = this.#supervisor.drain();
        return;
      case 'too much is published':
        // What is sent within one turn of the event loop says nothing about a reader.
        for (let n = 0; n < 200; n++) {
          this.#supervisor.notify.toolsChanged();
          if (n % 50 === 49) await setImmediate();
        }
        return;
      case 'its client leaves':
        this.#abort.abort();
        return;
      case 'its client reads all':
        await turns(() => this.#stream !== undefined);
        this.#text = (await this.#stream?.text().catch(() => '')) ?? '';
        return;
      case 'its time to be read is up':
        this.#late = true;
        this.#clock.increment(CLOSE_TIMEOUT);
    }
  }

  #states(): string[] {
    return Array.from(this.#supervisor.listenStreams(), ({ state }) => state);
  }

  #post(message: object, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    const init = { method: 'POST', headers: { ...ACCEPT, ...headers }, body, ...(signal && { signal }) };
    return this.#supervisor.fetch(new Request('http://127.0.0.1/mcp', init));
  }
}

/** Lets what goes on by itself go on until something is so, for a bounded time: the SDK may have to be loaded. */
async function turns(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  let quiet = 0;
  while (quiet < 20 && performance.now() < end) {
    await setImmediate();
    quiet = isSo() ? quiet + 10 : quiet + (performance.now() > end - PATIENCE / 2 ? 1 : 0);
  }
}
