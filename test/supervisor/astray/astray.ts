/** An embedder whose callbacks go astray: which there are, what they may do, and a supervisor that has all of them. */
import type { ConnectableServer, LogEntry, SessionSupervisor, SessionSupervisorOptions } from '../../../src/index.ts';
import { createSessionSupervisor, SupervisorError } from '../../../src/index.ts';
import { createGatedServer } from '../../../src/testing/index.ts';

/** The callbacks, by name. */
export const PLACES = [
  'listener of session.opened',
  'listener of session.active',
  'listener of session.idle',
  'listener of session.terminated',
  'logger',
  'inspect',
  'observer of the system',
  'subscriber of the root',
  'principal',
  'sessionIdGenerator',
  'clock.now',
  'clock.setTimeout',
  'clock.clearTimeout',
  'factory',
  'listener of the signal',
  'cleanup',
  'close of the server',
] as const;
export type Place = (typeof PLACES)[number];

/** A supervisor around which the embedder's code does `deed` once armed, wherever `place` says. */
export class Astray {
  readonly log: LogEntry[] = [];
  readonly gated = createGatedServer();
  readonly supervisor: SessionSupervisor;
  /** How often each server that was built was closed and cleaned up after. */
  readonly servers: { closes: number; cleanups: number }[] = [];
  /** What the callback does, while it is armed: once, because it may cause what it is called for. */
  armed: (() => unknown) | undefined;
  /** How often it was called while armed. */
  did = 0;
  readonly #place: Place;

  constructor(place: Place, options: Partial<SessionSupervisorOptions> = {}) {
    this.#place = place;
    let ids = 0;
    this.supervisor = createSessionSupervisor({
      shutdownTimeout: 300,
      initializeTimeout: 2_000,
      server: async (context) => {
        context.signal.addEventListener('abort', () => this.#go('listener of the signal') as undefined);
        await this.#go('factory');
        const built = (await this.gated.factory(context)) as { server: ConnectableServer };
        const close = built.server.close.bind(built.server);
        const server = { closes: 0, cleanups: 0 };
        this.servers.push(server);
        built.server.close = async () => {
          server.closes++;
          await this.#go('close of the server');
          await close();
        };
        const cleanup = () => {
          server.cleanups++;
          return this.#go('cleanup');
        };
        return { server: built.server, cleanup };
      },
      logger: (entry) => {
        this.log.push(entry);
        return this.#go('logger') as undefined;
      },
      inspect: () => this.#go('inspect') as undefined,
      principal: ({ headers }) => this.#instead('principal') ?? (headers['x-user'] as string | undefined),
      sessionIdGenerator: () => this.#instead('sessionIdGenerator') ?? `session-${++ids}`,
      clock: {
        now: () => this.#instead('clock.now') ?? Date.now(),
        setTimeout: (fn, ms) => this.#instead('clock.setTimeout') ?? setTimeout(fn, ms),
        clearTimeout: (handle) => this.#instead('clock.clearTimeout') ?? clearTimeout(handle),
      },
      ...options,
    });
    for (const type of ['session.opened', 'session.active', 'session.idle', 'session.terminated'] as const) {
      this.supervisor.on(type, () => this.#go(`listener of ${type}`) as undefined);
    }
    this.supervisor.actor.system.inspect(() => this.#go('observer of the system') as undefined);
    this.supervisor.actor.subscribe(() => this.#go('subscriber of the root') as undefined);
  }

  /** Opens a session. Returns the answer's status and the id, where there is one. */
  async open(user = 'ann'): Promise<{ status: number; id: string | undefined }> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: user, version: '1' } };
    const response = await this.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params }, { 'x-user': user });
    await response.text();
    return { status: response.status, id: response.headers.get('mcp-session-id') ?? undefined };
  }

  /** Pings a session. Returns the answer's status. */
  async ping(id: string, user = 'ann'): Promise<number> {
    const headers = { 'x-user': user, 'mcp-session-id': id };
    const response = await this.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, headers);
    await response.text();
    return response.status;
  }

  post(body: object, headers: Record<string, string>): Promise<Response> {
    return this.supervisor.fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body: JSON.stringify(body),
      }),
    );
  }

  /** What the callback returns instead of what it should: a promise, where it went astray so. */
  #instead(place: Place): undefined {
    return this.#go(place) as undefined;
  }

  #go(place: Place): unknown {
    const { armed } = this;
    if (place !== this.#place || armed === undefined) return undefined;
    this.armed = undefined;
    this.did++;
    return armed();
  }
}

/** What a callback may do that it should not have, or that somebody may think it can. */
export const DEEDS: Readonly<Record<string, (astray: Astray, id: string) => unknown>> = {
  throws: () => {
    throw new Error('thrown by a callback');
  },
  'throws what is no error': () => {
    // biome-ignore lint/style/useThrowOnlyError: somebody will
    throw undefined;
  },
  rejects: () => Promise.reject(new Error('rejected by a callback')),
  'throws an error of ours': () => {
    throw new SupervisorError('SESSION_CLOSED', 'thrown by a callback');
  },
  terminates: ({ supervisor }, id) => void supervisor.terminate(id),
  'terminates all': ({ supervisor }) => {
    for (const { id } of supervisor.sessions()) void supervisor.terminate(id);
  },
  drains: ({ supervisor }) => void supervisor.drain(),
  'stops the root': ({ supervisor }) => void supervisor.actor.stop(),
  'pings the session': (astray, id) => void astray.ping(id),
  'opens a session': (astray) => void astray.open('somebody'),
  'looks at all': ({ supervisor }) => void [...supervisor.sessions(), supervisor.stats()],
};

/** Deeds after which the supervisor takes no more sessions. */
export const LAST_DEEDS: ReadonlySet<string> = new Set(['drains', 'stops the root']);
