/** The public face of a supervisor, and the way from it to what is behind. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { checkOptions, invalid, SupervisorError } from '../errors.ts';
import { END_REASONS, type EndReason } from '../machines/reasons.ts';
import type { ConnectableServer, HandleOptions } from '../options.ts';
import { checkDrainTimeout } from './drain.ts';
import { checkDrainDelay, DrainDelay } from './drainDelay.ts';
import type { HandleEventType, HandleInfo, HandleListener } from './handleInfo.ts';
import { HandleRegistry, type Handles } from './handles.ts';
import type { Change, ListenInfo } from './modernEra.ts';
import type { SupervisorObserver } from './observer.ts';
import { type ParkOutcome, park } from './park.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import type { SessionEventType, SessionInfo, SessionListener } from './sessionInfo.ts';
import type { SupervisorActor } from './sessionTree.ts';
import type { Supervisor } from './supervisor.ts';
import { type SupervisorStats, statsOf } from './tally.ts';
import { terminate } from './terminate.ts';

/** Options of `drain`. */
export interface DrainOptions {
  /** How long to wait for calls in flight, in ms. Default: the option `shutdownTimeout`. */
  readonly timeout?: number | undefined;
  /**
   * How long `readiness()` says that it drains before anything is refused, in ms: as long as balancers take to notice. A
   * later call without it, or with less, makes it shorter. Default 0.
   */
  readonly delay?: number | undefined;
}

/** What a host knows of a request that it hands to `fetch`. */
export interface FetchOptions {
  /** Who sent the request, as an authentication middleware found out. */
  readonly authInfo?: AuthInfo | undefined;
  /** The body where somebody has read it already: parsed, or as text or bytes. Then the request's own is not read. */
  readonly parsedBody?: unknown;
}

/** Supervises the sessions of one MCP endpoint. Made by `createSessionSupervisor`. */
export interface SessionSupervisor {
  /**
   * One session as it is now; undefined when there is none with this id.
   * @throws {SupervisorError} `INVALID_OPTION` for an id that is no text.
   */
  session(id: string): SessionInfo | undefined;
  /** All sessions, oldest first. */
  sessions(): IterableIterator<SessionInfo>;
  /**
   * Ends a session, for the reason `'terminated'` unless another is given. Resolves when its server is closed: to true,
   * or to false when there was no such session.
   * @throws {SupervisorError} `INVALID_OPTION` for an id that is no text, or a reason that is none; with a session store
   * `STORE_FAILED`, when that does not say whether there is such a session, or could not remove its record.
   */
  terminate(id: string, reason?: EndReason): Promise<boolean>;
  /**
   * Parks a session that is idle and of which no handler runs: its server is closed, and the next request for it brings it
   * back. Resolves when that is stored, to what became of it.
   * @throws {SupervisorError} `INVALID_OPTION` for an id that is no text; `STORE_FAILED`.
   */
  park(id: string): Promise<ParkOutcome>;
  /**
   * Takes no more sessions, lets the calls in flight finish, ends everything. Resolves when nothing is left. Draining
   * twice waits for the same; a drained supervisor can't be used again.
   * @throws {SupervisorError} `INVALID_OPTION` for options that are none, or a timeout or delay that is no duration.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Whether a balancer should send requests here: it neither drains nor is about to, it is in its cluster where it is a
   * node, and the session store answers within 1 s, which it is asked at most once a second. Never rejects.
   */
  readiness(): Promise<Readiness>;
  /**
   * Listens to the lives of sessions, and of handles. Returns what ends the listening. A listener that throws is logged.
   * @throws {SupervisorError} `INVALID_OPTION` for an event that there is not, or a listener that is no function.
   */
  on(type: SessionEventType, listener: SessionListener): () => void;
  on(type: HandleEventType, listener: HandleListener): () => void;
  /**
   * Observes requests and notifications from their begin to their end, and what else `on` does not tell. Returns what ends
   * it. While nobody observes it costs nothing. An observer that throws is logged.
   * @throws {SupervisorError} `INVALID_OPTION` for what is no observer.
   */
  observe(observer: SupervisorObserver): () => void;
  /**
   * Defines a kind of handles: state of one's own (a browser, a sandbox) that outlives a call, supervised like a session.
   * They live with their process. `name` is one that no other kind has: models read it in errors.
   * @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`.
   */
  handles<T, I = undefined>(name: string, options: HandleOptions<T, I>): Handles<T, I>;
  /** All handles of all kinds, by kind, oldest first. */
  openHandles(): IterableIterator<HandleInfo>;
  /**
   * Answers one web-standard request, whatever its path. Rejects with nothing else than a `SupervisorError`
   * `INVALID_OPTION`, for what is no request or no options; an object that a host passes in their place is ignored.
   */
  fetch(request: Request, options?: FetchOptions): Promise<Response>;
  /**
   * The server that the factory built for a session; undefined when there is none, or none yet.
   * @throws {SupervisorError} `INVALID_OPTION` for an id that is no text.
   */
  server(id: string): ConnectableServer | undefined;
  /**
   * What is known of a session that lives here, of one that lives at another node of the cluster, as that says, or of one
   * that lives nowhere, by its record: then it is `parked`. Undefined when there is none with this id; also where the store or
   * that node does not answer, which is logged.
   * @throws {SupervisorError} `INVALID_OPTION` for an id that is no text.
   */
  record(id: string): Promise<SessionInfo | undefined>;
  /** The listen streams of 2026-07-28 that are open, oldest first; none unless `modern` is `'serve'`. */
  listenStreams(): IterableIterator<ListenInfo>;
  /**
   * Tells the listen streams of this process that want to hear of it what has changed, whichever request's server noticed.
   * Sessions are told by their own servers.
   */
  readonly notify: ChangeNotifier;
  /** Counts of this process, which cost the same however many sessions there are. */
  stats(): SupervisorStats;
  /** The XState root actor: its children are partitions, whose children are the session actors. */
  readonly actor: SupervisorActor;
}

/** Says what has changed; the names are those of SDK v2's handler. */
export interface ChangeNotifier {
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
  /** @throws {SupervisorError} `INVALID_OPTION` for a URI that is no text. */
  resourceUpdated(uri: string): void;
}

function notifierOf(core: Supervisor): ChangeNotifier {
  const tell = (change: Change) => core.modern?.publish(change);
  return {
    toolsChanged: () => tell({ kind: 'tools_list_changed' }),
    promptsChanged: () => tell({ kind: 'prompts_list_changed' }),
    resourcesChanged: () => tell({ kind: 'resources_list_changed' }),
    resourceUpdated: (uri) => {
      if (typeof uri !== 'string') invalid('The URI of a resource', uri, 'a string');
      tell({ kind: 'resource_updated', uri });
    },
  };
}

const cores = new WeakMap<SessionSupervisor, Supervisor>();

/**
 * What is behind a public supervisor.
 * @throws {SupervisorError} `NOT_A_SUPERVISOR`
 */
export function supervisorOf(face: SessionSupervisor): Supervisor {
  const core = cores.get(face);
  if (core !== undefined) return core;
  throw new SupervisorError('NOT_A_SUPERVISOR', 'Expected a supervisor made by createSessionSupervisor');
}

function idOf(id: unknown): string {
  return typeof id === 'string' ? id : invalid('The id of a session', id, 'a string');
}

/** Gives a supervisor its public face. */
export function publish(core: Supervisor, fetch: SessionSupervisor['fetch']): SessionSupervisor {
  const departure = new DrainDelay(core);
  const face: SessionSupervisor = {
    session: (id) => core.registry.get(idOf(id))?.info(),
    *sessions() {
      for (const session of core.registry) yield session.info();
    },
    terminate: async (id, reason = 'terminated') => {
      if (!END_REASONS.includes(reason)) invalid('A reason', reason, `one of ${END_REASONS.join(', ')}`);
      return terminate(core, idOf(id), reason);
    },
    drain: async (options = {}) => {
      checkOptions('The options of a drain', options);
      const { delay = 0, timeout } = options;
      checkDrainTimeout(timeout);
      checkDrainDelay(delay);
      return departure.drain(delay, timeout);
    },
    park: async (id) => park(core, idOf(id)),
    readiness: readinessOf(core, () => departure.isLeaving),
    on: (type: SessionEventType | HandleEventType, listener: SessionListener | HandleListener) =>
      core.events.on(type, listener),
    observe: (observer) => core.observers.add(observer),
    handles: (name, options) => {
      core.handles ??= new HandleRegistry(core);
      return core.handles.define(name, options);
    },
    *openHandles() {
      yield* core.handles?.infos() ?? [];
    },
    server: (id) => core.registry.get(idOf(id))?.incarnation.server,
    record: async (id) => core.registry.get(idOf(id))?.info() ?? (await core.shelf?.info(id)),
    listenStreams: function* () {
      yield* core.modern?.listening() ?? [];
    },
    notify: notifierOf(core),
    stats: () => statsOf(core, departure.stats),
    fetch,
    actor: core.actor,
  };
  cores.set(face, core);
  return face;
}
