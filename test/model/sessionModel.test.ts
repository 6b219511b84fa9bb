/** Our own server along every path of its own statechart. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore, createSessionSupervisor, type SessionSupervisor } from '../../src/index.ts';
import {
  createGatedServer,
  type Driver,
  inProcessDriver,
  runPaths,
  type SessionPathsOptions,
  sessionPaths,
} from '../../src/testing/index.ts';
import { buildModernServer, modernBody, modernHeaders, toolBody } from '../modern/modernServer.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import type { WireMessage } from '../support/sse.ts';

const IDLE = 60_000;

type Around = (supervisor: SessionSupervisor, driver: Driver) => Driver;

async function simulate(options: SessionPathsOptions, around?: Around) {
  const clock = new SimulatedClock();
  const server = createGatedServer({ holdInitialize: true });
  const { initializeTimeout, sessionIdleTimeout, maxSessionLifetime, parkAfter } = { ...options.timeouts };
  const supervisor = createSessionSupervisor({
    server: (context) => (context.era === 'modern' ? buildModernServer(context) : server.factory(context)),
    ...(around !== undefined && { modern: 'serve' }),
    clock,
    keepAliveInterval: Number.POSITIVE_INFINITY,
    sessionIdleTimeout: sessionIdleTimeout ?? Number.POSITIVE_INFINITY,
    initializeTimeout: initializeTimeout ?? 2 ** 31 - 1,
    maxSessionLifetime: maxSessionLifetime ?? Number.POSITIVE_INFINITY,
    ...(parkAfter != null && { parkAfter, sessionStore: createMemorySessionStore() }),
  });
  const endings = ['deleted', 'terminated', 'closed', 'crashed'] as const;
  const paths = sessionPaths({ endings, holdInitialize: true, ...options });
  const driver = inProcessDriver(supervisor, clock, { server, timeouts: options.timeouts ?? {}, endings });
  const result = await runPaths(paths, around?.(supervisor, driver) ?? driver);
  await supervisor.drain();
  return { result, paths };
}

describe('in simulated time', () => {
  test.each([
    { coverage: 'transitions', timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, maxSessionLifetime: 100 * IDLE } },
    { coverage: 'pairs', timeouts: { maxSessionLifetime: IDLE } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, parkAfter: 5_000 } },
    { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, parkAfter: 5_000, maxSessionLifetime: 100 * IDLE } },
    { coverage: 'random', timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 }, walks: 100, length: 30 },
  ] satisfies SessionPathsOptions[])('$coverage of $timeouts', async (options) => {
    const { result, paths } = await simulate(options);
    expect(result.violations).toEqual([]);
    expect(result.paths).toBe(paths.length);
    expect([...result.covered].sort()).toEqual(
      [...new Set(paths.flatMap(({ steps }) => steps.map(({ transition }) => transition)))].sort(),
    );
  });
});

/** Requests without sessions before whatever a driver waits for, each with the id of a session, if there is one. */
class Traffic {
  readonly wrong: string[] = [];
  sent = 0;
  readonly #supervisor: SessionSupervisor;
  #told = 0;

  constructor(supervisor: SessionSupervisor) {
    this.#supervisor = supervisor;
  }

  /** A stream that listens from here to the end. */
  async listen(): Promise<void> {
    const body = modernBody('subscriptions/listen', { notifications: { toolsListChanged: true } });
    const stream = await this.#send(body, undefined);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => {
      for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
        this.#told += piece.value.split('tools/list_changed').length - 1;
      }
    };
    void read();
  }

  async flow(): Promise<void> {
    const [session] = this.#supervisor.sessions();
    const before = JSON.stringify(session);
    this.#supervisor.notify.toolsChanged();
    const bodies = [modernBody('server/discover'), toolBody('echo', { text: 'apart' }), toolBody('nothing')];
    for (const body of bodies) {
      const answer = await this.#send(body, session?.id);
      const text = await answer.text();
      const isWell = answer.status === 200 && !answer.headers.has('mcp-session-id') && text.includes('"id":1');
      if (!isWell) this.wrong.push(`${String(body.method)}: ${answer.status} ${text}`);
      this.sent++;
    }
    const after = JSON.stringify(session && this.#supervisor.session(session.id));
    if (before !== after) this.wrong.push(`${before} became ${after}`);
  }

  /** The listener was told each time, and its stream has ended with the drain. */
  get isHeard(): boolean {
    return this.#told === this.sent / 3 && [...this.#supervisor.listenStreams()].length === 0;
  }

  #send(body: WireMessage, id: string | undefined): Promise<Response> {
    const headers = {
      Accept: 'application/json, text/event-stream',
      'Content-Type': 'application/json',
      ...modernHeaders(body),
      ...(id !== undefined && { 'Mcp-Session-Id': id }),
    };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return this.#supervisor.fetch(new Request('http://127.0.0.1/mcp', init));
  }
}

test.each([
  { maxInFlight: 1, timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 } },
  { maxInFlight: 1, timeouts: { sessionIdleTimeout: IDLE, parkAfter: 5_000, maxSessionLifetime: 100 * IDLE } },
] satisfies SessionPathsOptions[])(
  'every transition of $timeouts, while requests without sessions come',
  async (options) => {
    const flowing: Traffic[] = [];
    const { result, paths } = await simulate(options, (supervisor, driver) => {
      const traffic = new Traffic(supervisor);
      flowing.push(traffic);
      let listening: Promise<void> | undefined;
      return {
        ...driver,
        settle: async (exchange) => {
          await driver.settle(exchange);
          listening ??= traffic.listen();
          await listening;
          await traffic.flow();
        },
      };
    });
    const [traffic] = flowing;
    expect(result.violations).toEqual([]);
    expect(result.paths).toBe(paths.length);
    expect(traffic?.wrong).toEqual([]);
    expect(traffic?.sent).toBeGreaterThan(100);
    expect(traffic?.isHeard).toBe(true);
  },
  60_000, // a busy machine takes its time for that many requests
);
