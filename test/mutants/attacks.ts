/** What the test kit does to a build, one attack after the other, cheapest first. */
import { setImmediate } from 'node:timers/promises';
import type * as Package from 'mcp-session-supervisor';
import type * as NodePackage from 'mcp-session-supervisor/node';
import type * as KitModule from 'mcp-session-supervisor/testing';
import { SimulatedClock } from 'xstate';
import type { StdioModules } from './stdioModules.ts';

export type Kit = typeof KitModule;

/** What is attacked of a build. */
export interface Subject {
  readonly createMemoryEventStore: typeof Package.createMemoryEventStore;
  readonly createMemorySessionStore: typeof Package.createMemorySessionStore;
  readonly createSessionSupervisor: typeof Package.createSessionSupervisor;
  readonly toNodeHandler: typeof NodePackage.toNodeHandler;
  /** Loads what is below its entry point `stdio`. */
  stdio(): Promise<StdioModules>;
  /** Where it is. */
  readonly folder: string;
}

export interface Attack {
  readonly name: string;
  /** Resolves to what is wrong, or to undefined. */
  run(kit: Kit, subject: Subject): Promise<unknown>;
}

const IDLE = 60_000;

type PathOptions = NonNullable<Parameters<Kit['sessionPaths']>[0]>;

/** A supervisor of the subject along paths of the session model. */
function along(name: string, options: PathOptions): Attack {
  const endings = ['deleted', 'terminated', 'closed', 'crashed'] as const;
  return {
    name: `session paths, ${name}`,
    async run(kit, { createMemorySessionStore, createSessionSupervisor }) {
      const clock = new SimulatedClock();
      const server = kit.createGatedServer({ holdInitialize: true });
      const { initializeTimeout, sessionIdleTimeout, maxSessionLifetime, parkAfter } = { ...options.timeouts };
      const ends = new Map<string, number>();
      let reason: string | undefined;
      const supervisor = createSessionSupervisor({
        server: server.factory,
        clock,
        keepAliveInterval: Number.POSITIVE_INFINITY,
        sessionIdleTimeout: sessionIdleTimeout ?? Number.POSITIVE_INFINITY,
        initializeTimeout: initializeTimeout ?? 2 ** 31 - 1,
        maxSessionLifetime: maxSessionLifetime ?? Number.POSITIVE_INFINITY,
        ...(parkAfter != null && { parkAfter, sessionStore: createMemorySessionStore() }),
      });
      supervisor.on('session.terminated', ({ session: { id }, ...event }) => {
        ends.set(id, (ends.get(id) ?? 0) + 1);
        reason = event.reason;
      });
      const signals = new Map<string, AbortSignal>();
      supervisor.on('session.opened', ({ session: { id } }) => {
        const signal = server.sessions.find(({ context }) => context.id === id)?.context.signal;
        if (signal !== undefined) signals.set(id, signal);
      });
      const driver = kit.inProcessDriver(supervisor, clock, {
        server,
        timeouts: options.timeouts ?? {},
        endings,
        patience: 2_000,
      });
      for (const path of kit.sessionPaths({ endings, holdInitialize: true, ...options })) {
        const { violations } = await kit.runPaths([path], driver);
        const [violation] = violations;
        if (violation !== undefined) return `${violation.rule} after ${violation.script.at(-1)}`;
        const expected = path.steps.at(-1)?.expected.reason ?? (sessionIdleTimeout ? 'idle' : 'deleted');
        if (reason !== expected) return `the reason ${reason} instead of ${expected}`;
      }
      for (const { id } of supervisor.sessions()) await supervisor.terminate(id);
      for (let turn = 0; turn < 10; turn++) await setImmediate();
      for (const { context, closes, cleanups } of server.sessions) {
        if (closes !== 1 || cleanups !== 1)
          return `a server was closed ${closes} times and cleaned up ${cleanups} times`;
        if (ends.get(String(context.id)) !== 1) return `an end was told ${ends.get(String(context.id)) ?? 0} times`;
        if (signals.get(String(context.id))?.aborted === false) return 'a signal was not aborted';
      }
      return undefined;
    },
  };
}

export const PATH_ATTACKS: readonly Attack[] = [
  along('every transition', { timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 } }),
  along('with parking', { coverage: 'pairs', timeouts: { sessionIdleTimeout: IDLE, parkAfter: 5_000 } }),
  along('with a lifetime', { timeouts: { sessionIdleTimeout: IDLE, maxSessionLifetime: 1_000 * IDLE } }),
  along('with a lifetime alone', { timeouts: { maxSessionLifetime: IDLE } }),
  along('every pair of transitions', {
    coverage: 'pairs',
    timeouts: { sessionIdleTimeout: IDLE, initializeTimeout: 1_000 },
  }),
];
