/** How a simulation sets up its supervisor: small caps, and timeouts of which no two are the same. */
import type { SessionSupervisorOptions } from '../../index.ts';

/** The options that the invariants go by. Durations in ms. */
export interface SimulationSettings {
  readonly sessionIdleTimeout: number;
  readonly initializeTimeout: number;
  readonly maxSessionLifetime: number;
  readonly requestBodyTimeout: number;
  readonly keepAliveInterval: number;
  readonly resumeTimeout: number;
  readonly shutdownTimeout: number;
  readonly maxSessions: number;
  readonly maxSessionsPerPrincipal: number;
  readonly maxStreamBuffer: number;
  /** In bytes. */
  readonly maxInitializeSize: number;
  /** In bytes. */
  readonly maxRequestBodySize: number;
  readonly whenFull: 'evict-idle' | 'reject';
  readonly enableJsonResponse: boolean;
  /** Whether there is an event store. */
  readonly eventStore: boolean;
  /** Whether the embedder watches the actors: by the option `inspect`, the actor system and subscriptions; and observes. */
  readonly watched: boolean;
  /** Whether requests come by Node's HTTP server, and not by `supervisor.fetch`. */
  readonly node: boolean;
  /** Whether requests without sessions (MCP 2026-07-28) are served; else they are refused. */
  readonly modern: boolean;
  readonly maxModernRequests: number;
  readonly maxModernRequestsPerPrincipal: number;
}

const FLAGS = {
  eventStore: 1,
  enableJsonResponse: 2,
  lifetime: 4,
  reject: 8,
  keepAlive: 16,
  smallBuffer: 32,
  roomy: 64,
  watched: 128,
  node: 256,
  modern: 512,
};

/** As many different settings there are. */
export const SETTINGS = 1_024;

/** Settings by number, from 0 to `SETTINGS - 1`; 0 is the plainest. */
export function settingsOf(number: number): SimulationSettings {
  const has = (flag: keyof typeof FLAGS) => (number & FLAGS[flag]) !== 0;
  return {
    sessionIdleTimeout: 60_000,
    initializeTimeout: 20_000,
    maxSessionLifetime: has('lifetime') ? 150_000 : Number.POSITIVE_INFINITY,
    requestBodyTimeout: 25_000,
    keepAliveInterval: has('keepAlive') ? 15_000 : Number.POSITIVE_INFINITY,
    resumeTimeout: 90_000,
    shutdownTimeout: 10_000,
    maxSessions: has('roomy') ? 12 : 4,
    maxSessionsPerPrincipal: has('roomy') ? Number.POSITIVE_INFINITY : 2,
    maxStreamBuffer: has('smallBuffer') ? 600 : 1_048_576,
    maxInitializeSize: 6_000,
    maxRequestBodySize: 8_192,
    whenFull: has('reject') ? 'reject' : 'evict-idle',
    enableJsonResponse: has('enableJsonResponse'),
    eventStore: has('eventStore'),
    watched: has('watched'),
    node: has('node'),
    modern: has('modern'),
    maxModernRequests: has('roomy') ? 9 : 3,
    maxModernRequestsPerPrincipal: has('roomy') ? Number.POSITIVE_INFINITY : 2,
  };
}

/** The settings as a line of a trace says them. */
export function describeSettings(number: number): string {
  const names = Object.entries(FLAGS).filter(([, flag]) => (number & flag) !== 0);
  return names.length === 0 ? 'plain' : names.map(([name]) => name).join(', ');
}

/** The supervisor's options that settings stand for, but for the server and the event store. */
export function optionsOf(settings: SimulationSettings): Omit<SessionSupervisorOptions, 'server' | 'eventStore'> {
  const { eventStore, resumeTimeout, modern, maxModernRequests, maxModernRequestsPerPrincipal, ...rest } = settings;
  const { node: _, watched: __, ...options } = rest;
  return {
    ...options,
    // The supervisor refuses it where no call can be resumed,
    ...(eventStore && !options.enableJsonResponse && { resumeTimeout }),
    // and bounds of what it does not serve.
    ...(modern && { modern: 'serve', maxModernRequests, maxModernRequestsPerPrincipal }),
  };
}
