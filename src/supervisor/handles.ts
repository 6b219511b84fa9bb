/**
 * State of the embedder's own (a browser, a sandbox), supervised like a session: all kinds of it, and what they share with
 * the sessions: the actor tree, the events, the drain. There is none of this until a kind is defined.
 */
import type { Clock } from '../clock.ts';
import { invalid } from '../errors.ts';
import {
  type HandleEndReason,
  type HandleOptions,
  handlesName,
  type LogEntry,
  type PrincipalResolver,
  resolveHandleOptions,
} from '../options.ts';
import { type HandleContext, type PrincipalSource, principalIn } from './handleContext.ts';
import type { HandleEventType, HandleInfo, HandleStats } from './handleInfo.ts';
import { HandleKind, type KindHost } from './handleKind.ts';
import type { Used } from './handleUse.ts';
import type { Outbox } from './outbox.ts';
import { oftenBefore, Repetition } from './repetition.ts';
import type { ActorOwner, SessionActor } from './sessionTree.ts';

/** Kinds that one supervisor may have: they are defined once each, not for each session. */
const MAX_KINDS = 64;

/** One kind of handles. Its three functions stand by themselves, and can be passed on alone. */
export interface Handles<T, I = undefined> {
  /**
   * Opens one for whoever calls. Resolves to its id, which nobody can guess and which is to be given to the model: 32
   * characters of hexadecimal. `input` is handed to `open`.
   * @throws {SupervisorError} What a tool may let through, so that the model reads it: `HANDLES_FULL` at a cap,
   * `HANDLE_NOT_OPENED` where it took too long, was ended meanwhile, or the supervisor drains; `NO_PRINCIPAL` for a context
   * that does not tell who calls. Otherwise whatever `open` threw.
   */
  create(context: HandleContext, ...input: undefined extends I ? [input?: I] : [input: I]): Promise<string>;
  /**
   * Calls `fn` with the value, and holds the handle until that has settled: no idle timer ends it meanwhile, however many
   * uses overlap. Resolves, and rejects, as `fn` does.
   * @throws {SupervisorError} `HANDLE_NOT_FOUND`, which is a tool error too, where there is none with this id, it has ended,
   * or it is somebody else's; `HANDLES_FULL` where 4 096 uses of it run; `NO_PRINCIPAL`.
   */
  use<R>(id: string, context: HandleContext, fn: (value: T, use: Used) => R | Promise<R>): Promise<R>;
  /**
   * Ends it. Nobody gets in from now on, and uses that run have their signal aborted; `close` is called when they have
   * settled, `shutdownTimeout` later at the latest. Resolves when it is closed; where uses still run, as soon as these have
   * been told, since one of them may be who waits.
   * @throws {SupervisorError} `HANDLE_NOT_FOUND`, `NO_PRINCIPAL`.
   */
  end(id: string, context: HandleContext): Promise<void>;
}

/** What handles need of the supervisor. */
export interface HandlesHost {
  readonly options: {
    readonly clock: Clock;
    readonly shutdownTimeout: number;
    readonly historySize: number;
    readonly principal: PrincipalResolver;
  };
  readonly outbox: Outbox;
  readonly accepting: boolean;
  readonly registry: { get(id: string): { readonly principal: string | undefined } | undefined };
  readonly events: { emitHandle(type: HandleEventType, handle: HandleInfo, reason: HandleEndReason | undefined): void };
  spawn(owner: ActorOwner): SessionActor | undefined;
  /** Something has ended, and maybe nothing is left. */
  judgeEmpty(): void;
  log(entry: LogEntry): void;
}

export class HandleRegistry implements KindHost, PrincipalSource {
  readonly #host: HandlesHost;
  readonly #kinds = new Map<string, HandleKind<never, never>>();
  readonly #failures: Repetition;
  /** There are no sessions and no calls any more, and there will be none. */
  #alone = false;

  constructor(host: HandlesHost) {
    this.#host = host;
    this.#failures = new Repetition(host.options.clock);
  }

  /** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`. */
  define<T, I>(name: string, options: HandleOptions<T, I>): Handles<T, I> {
    const checked = handlesName(name);
    if (this.#kinds.has(checked)) invalid('The name of handles', name, 'one that no other kind of them has');
    if (this.#kinds.size >= MAX_KINDS) {
      invalid(
        'The number of kinds of handles',
        this.#kinds.size + 1,
        `${MAX_KINDS} at most: define each once, outside of the server factory`,
      );
    }
    const kind = new HandleKind<T, I>(checked, resolveHandleOptions(options), this);
    this.#kinds.set(checked, kind as unknown as HandleKind<never, never>);
    return Object.freeze<Handles<T, I>>({
      create: (context, ...[input]) => kind.create(context, input as I),
      use: (id, context, fn) => kind.use(id, context, fn),
      end: (id, context) => kind.end(id, context),
    });
  }

  /** The one with this id, of whichever kind. */
  get(id: string): ActorOwner | undefined {
    for (const kind of this.#kinds.values()) {
      const handle = kind.get(id);
      if (handle !== undefined) return handle;
    }
    return undefined;
  }

  *infos(): Generator<HandleInfo, void> {
    for (const kind of this.#kinds.values()) for (const handle of kind) yield handle.info();
  }

  get stats(): Readonly<Record<string, HandleStats>> {
    return Object.fromEntries(Array.from(this.#kinds, ([name, { stats }]) => [name, stats]));
  }

  get empty(): boolean {
    return [...this.#kinds.values()].every((kind) => kind.empty);
  }

  /** In a drain: nobody is left who could use one, save those that do. */
  endIdle(): void {
    if (this.#alone) return;
    this.#alone = true;
    this.#each((handle) => {
      if (handle.state !== 'active') handle.terminate('drained');
    });
  }

  /** The time of a drain is up. */
  endAll(): void {
    this.#alone = true;
    for (const kind of this.#kinds.values()) kind.hurry();
    this.#each((handle) => {
      handle.hurry();
      handle.terminate('drained');
    });
  }

  // --- what kinds need

  get clock(): Clock {
    return this.#host.options.clock;
  }

  get outbox(): Outbox {
    return this.#host.outbox;
  }

  get shutdownTimeout(): number {
    return this.#host.options.shutdownTimeout;
  }

  get historySize(): number {
    return this.#host.options.historySize;
  }

  get accepting(): boolean {
    return this.#host.accepting;
  }

  principalIn(context: unknown): string | undefined {
    return principalIn(context, this);
  }

  spawn(owner: ActorOwner): SessionActor | undefined {
    return this.#host.spawn(owner);
  }

  emit(type: HandleEventType, handle: HandleInfo, reason: HandleEndReason | undefined): void {
    this.#host.events.emitHandle(type, handle, reason);
  }

  log(entry: LogEntry): void {
    this.#host.log(entry);
  }

  idle(handle: { terminate(reason: HandleEndReason): void }): void {
    if (this.#alone) this.outbox.push(() => handle.terminate('drained'));
  }

  torn(): void {
    this.#host.judgeEmpty();
  }

  // --- what is asked to find out a principal

  get resolver(): PrincipalResolver {
    return this.#host.options.principal;
  }

  session(id: string): { readonly principal: string | undefined } | undefined {
    return this.#host.registry.get(id);
  }

  failed(error: unknown): void {
    const count = this.#failures.happened();
    if (count === undefined) return;
    const message = `The option principal did not say who asks for a handle: it must return a string or undefined${oftenBefore(count)}`;
    this.log({ level: 'error', event: 'principal.failed', count, message, error });
  }

  // --- within

  #each(
    act: (handle: { readonly state: string; hurry(): void; terminate(reason: HandleEndReason): void }) => void,
  ): void {
    for (const kind of this.#kinds.values()) for (const handle of [...kind]) act(handle);
  }
}
