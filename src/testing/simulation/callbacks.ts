/** The callbacks of a simulation: all that a supervisor calls of its embedder, and where the embedder's code goes astray. */
import type {
  Clock,
  LogEntry,
  SessionContext,
  SessionEvent,
  SessionSupervisor,
  SessionSupervisorOptions,
} from '../../index.ts';
import type { Embedder } from './embedder.ts';
import type { Ledger } from './ledger.ts';
import type { ModernTraffic } from './modernTraffic.ts';
import type { SeenSession } from './observed.ts';
import type { Place } from './places.ts';
import { sessionActors } from './sessionActors.ts';
import type { SimulatedClient } from './simulatedClient.ts';
import { NAME_HEADER, type SimulatedExchange } from './simulatedExchange.ts';
import type { SimulatedServer } from './simulatedServer.ts';

/** What the callbacks need of the simulation. */
export interface CallbackWorld {
  readonly settings: { readonly watched: boolean; readonly maxSessions: number };
  readonly supervisor: SessionSupervisor;
  readonly clock: Clock;
  readonly embedder: Embedder;
  readonly clients: readonly SimulatedClient[];
  readonly exchanges: readonly SimulatedExchange[];
  readonly sessions: ReadonlyMap<string, SeenSession>;
  readonly modern: ModernTraffic;
  repeatsId: boolean;
  readonly sharing: Set<number>;
  idFailed: boolean;
  crowded: boolean;
  ids: number;
  /** The supervisor has asked for its principal. */
  arrived(exchange: SimulatedExchange): void;
  /** Has happen what is to happen in this listener. */
  react(event: SessionEvent, session: SeenSession | undefined): void;
}

/** What follows the number in a session id: what could be mistaken for part of something else. */
const ID_ENDINGS = ['', ':get', '_0', '%3A'];

const EVENTS = ['session.opened', 'session.active', 'session.idle', 'session.terminated'] as const;

/** The options of a supervisor that are callbacks. */
export function callbackOptions(world: CallbackWorld, ledger: Ledger): Callbacks {
  const { embedder } = world;
  return {
    ...(world.settings.watched && { inspect: () => embedder.called('the inspect option') }),
    clock: guardedBy(embedder, world.clock),
    server: (context) => (context.era === 'modern' ? world.modern.build(context) : build(world, ledger, context)),
    principal: ({ headers }) => {
      const exchange = world.exchanges.find(({ name }) => name === headers[NAME_HEADER]);
      const principal = fails(
        () => embedder.called('the principal option', world.sessions.get(exchange?.sessionId ?? '')),
        () => {
          if (exchange !== undefined) exchange.denied = true;
        },
        () => headers['x-principal'] as string | undefined,
      );
      if (exchange !== undefined && !exchange.denied) world.arrived(exchange);
      return principal;
    },
    sessionIdGenerator: () => {
      world.crowded ||= isCrowded(world);
      return fails(
        () => embedder.called('the id generator'),
        () => {
          world.idFailed = true;
        },
        () => newId(world),
      );
    },
    logger: (entry: LogEntry) => embedder.called('the logger', ledger.logged(entry)),
  };
}

type Callbacks = Pick<
  SessionSupervisorOptions,
  'clock' | 'inspect' | 'logger' | 'principal' | 'server' | 'sessionIdGenerator'
>;

/** Listens to the supervisor, and watches its actors where the settings say so. */
export function attach(world: CallbackWorld, ledger: Ledger): void {
  const { embedder, settings, supervisor } = world;
  for (const type of EVENTS) {
    supervisor.on(type, (event) => {
      const seen = ledger.heard(event);
      if (seen !== undefined && type === 'session.opened' && settings.watched) watch(world, seen);
      world.react(event, seen);
      return embedder.called(`a listener of ${type}`, seen);
    });
  }
  if (!settings.watched) return;
  const { actor } = supervisor;
  actor.system.inspect({ next: () => embedder.called('an observer of the system') });
  actor.subscribe(() => embedder.called('an observer of the root'));
}

function watch(world: CallbackWorld, seen: SeenSession): void {
  const actor = sessionActors(world).find((other) => other.getSnapshot().context?.sessionId === seen.id);
  actor?.subscribe(() => world.embedder.called('an observer of a session’s actor', seen));
}

/** What a callback returns: a promise or an error of the embedder's code, which is a failure, or else what it should. */
function fails<T>(call: () => unknown, failed: () => void, otherwise: () => T): T {
  try {
    const instead = call();
    if (instead === undefined) return otherwise();
    failed();
    return instead as T;
  } catch (error) {
    failed();
    throw error;
  }
}

function build(world: CallbackWorld, ledger: Ledger, context: SessionContext): Promise<BuiltServer> {
  const [client = 0, attempt = 0] = String(context.clientInfo?.name).split('.').map(Number);
  const { attempts, principal } = world.clients[client] ?? { attempts: [], principal: undefined };
  const { exchange, holds } = attempts[attempt] ?? { exchange: undefined, holds: 0 };
  const session = ledger.begin(context, exchange && { client, principal, exchange, holds });
  const other = world.sharing.delete(client) ? inUse(world) : undefined;
  if (other === undefined) return session.server.build();
  session.server.failed = true;
  return Promise.resolve({ server: other, cleanup: () => Promise.resolve() });
}

type BuiltServer = Awaited<ReturnType<SimulatedServer['build']>>;

/** A server that a session has. */
function inUse({ sessions }: CallbackWorld): SimulatedServer | undefined {
  for (const { server, state } of sessions.values()) {
    if (state !== 'terminated' && server.connects > 0 && !server.starting && server.closes === 0) return server;
  }
  return undefined;
}

/** As many servers may be alive as docs/limits.md says there can be. */
function isCrowded(world: CallbackWorld): boolean {
  const { sessions, settings, supervisor } = world;
  const { servers, sessions: living } = supervisor.stats();
  const { initializing, active, idle } = living;
  const ofModern = world.modern.lives.filter(({ closing, starting }) => closing || starting).length;
  let most = initializing + active + idle + servers.starting + servers.closing - ofModern;
  // At the end of its lifetime a session waits for its calls, and its server is still open.
  for (const { server, state } of sessions.values()) {
    if (state === 'terminated' && server.built && server.closes === 0) most++;
  }
  return most >= 2 * settings.maxSessions;
}

function newId(world: CallbackWorld): string {
  const [used] = world.supervisor.sessions();
  if (world.repeatsId && used !== undefined) {
    world.repeatsId = false;
    world.idFailed = true;
    return used.id;
  }
  const number = ++world.ids;
  return `s${number}${ID_ENDINGS[number % ID_ENDINGS.length]}`;
}

function guardedBy(embedder: Embedder, clock: Clock): Clock {
  const called = (place: Place) => void embedder.called(place);
  return {
    now() {
      called('clock.now');
      return clock.now();
    },
    setTimeout(fn, ms) {
      called('clock.setTimeout');
      return clock.setTimeout(fn, ms);
    },
    clearTimeout(handle) {
      called('clock.clearTimeout');
      clock.clearTimeout(handle);
    },
  };
}
