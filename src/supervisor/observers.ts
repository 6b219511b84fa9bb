/**
 * Who observes. As long as nobody does, `any` is false, and that is all that anybody looks at. What observers throw is
 * logged; an operation goes on without them.
 */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCNotification, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import { checkOptions, invalid } from '../errors.ts';
import { isObject, isRequest } from '../protocol/messages.ts';
import { keptText } from '../protocol/messageText.ts';
import type { ForgettingEventStore } from '../stores/eventLog.ts';
import type { Ending, OpenOperation, OperationSide } from '../transport/operations.ts';
import { callBack, watch } from './callback.ts';
import type { ObservedEvent, Operation, OperationObserver, SupervisorObserver } from './observer.ts';
import type { Outbox } from './outbox.ts';

/** Whose an operation is. */
interface OperationOwner {
  readonly id: string | undefined;
  readonly protocolVersion: string | undefined;
}

export class Observers {
  /** Somebody observes. */
  any = false;
  /** Monotonic where that can be had, in ms. */
  readonly now: () => number;
  readonly #outbox: Outbox;
  readonly failed: (error: unknown) => void;
  #all: readonly SupervisorObserver[] = [];

  /** `clock` is as it was given: without one of the embedder's, what is measured does not jump with the system's. */
  constructor(outbox: Outbox, clock: Clock, failed: (error: unknown) => void) {
    this.#outbox = outbox;
    this.now = clock === SYSTEM_CLOCK ? () => performance.now() : () => this.attempt(() => clock.now()) ?? 0;
    this.failed = failed;
  }

  /**
   * Returns what ends the observing; operations that have begun are still told of.
   * @throws {SupervisorError} `INVALID_OPTION` for what is no observer.
   */
  add(observer: SupervisorObserver): () => void {
    checkOptions('An observer', observer);
    for (const name of ['operation', 'event'] as const) {
      const given: unknown = observer[name];
      if (given !== undefined && typeof given !== 'function') invalid(`${name} of an observer`, given, 'a function');
    }
    const entry: SupervisorObserver = {
      // so that one observer may be added twice
      operation: (operation) => observer.operation?.(operation),
      event: (event) => observer.event?.(event),
    };
    this.#all = [...this.#all, entry];
    this.any = true;
    return () => {
      this.#all = this.#all.filter((other) => other !== entry);
      this.any = this.#all.length > 0;
    };
  }

  begin(
    side: OperationSide,
    era: Operation['era'],
    message: JSONRPCRequest | JSONRPCNotification,
    { id, protocolVersion }: OperationOwner,
  ): OpenOperation | undefined {
    const operation: Operation = {
      side,
      era,
      method: message.method,
      id: isRequest(message) ? message.id : undefined,
      params: message.params,
      sessionId: id,
      protocolVersion,
    };
    const told: OperationObserver[] = [];
    for (const observer of this.#all) {
      const one = this.attempt(() => observer.operation?.(operation));
      if (typeof one === 'object' && one !== null) told.push(one);
    }
    return told.length === 0 ? undefined : new Observed(this, told);
  }

  /** Tells of what has happened, once no transition goes on. */
  tell(event: ObservedEvent): void {
    if (!this.any) return;
    const all = this.#all;
    this.later(() => {
      for (const observer of all) {
        // Who has stopped meanwhile is told nothing more.
        if (this.#all.includes(observer)) this.attempt(() => observer.event?.(event));
      }
    });
  }

  /** Has a store do something, and tells how that went. Only where somebody observes. */
  async timed<T>(store: 'session' | 'event', operation: string, operate: () => Promise<T>): Promise<T> {
    const since = this.now();
    const tell = (outcome: 'ok' | 'failed') =>
      this.tell({ type: 'store.operation', store, operation, outcome, duration: Math.max(0, this.now() - since) });
    try {
      const value = await operate();
      tell('ok');
      return value;
    } catch (error) {
      tell('failed');
      throw error;
    }
  }

  /** The event store, where there is one, whose operations are observed. */
  eventStore(store: EventStore | undefined): EventStore | undefined {
    return store && observedEventStore(store, this);
  }

  later(tell: () => void): void {
    this.#outbox.tell(tell);
  }

  attempt<T>(action: () => T): T | undefined {
    try {
      const returned = action();
      watch(returned, this.failed);
      return returned;
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }
}

/** An operation that somebody is told of. */
class Observed implements OpenOperation {
  readonly #observers: Observers;
  readonly #told: readonly OperationObserver[];
  readonly #since: number;
  #ended = false;

  constructor(observers: Observers, told: readonly OperationObserver[]) {
    this.#observers = observers;
    this.#told = told;
    this.#since = observers.now();
  }

  run<T>(body: () => T): T {
    const wrapping = this.#told.filter((one) => this.#observers.attempt(() => typeof one.run) === 'function');
    if (wrapping.length === 0) return body();
    const first = once(body);
    let within: () => T = first;
    for (const one of wrapping) {
      const inner = within;
      // Whatever it does, the body runs once, and what comes of it is what the body returned or threw.
      within = () => {
        this.#attempt(() => one.run?.(inner), first);
        return first();
      };
    }
    return within();
  }

  /** What it throws, or rejects with, is its own only where the body did not. */
  #attempt(action: () => unknown, body: Once<unknown>): void {
    callBack(action, (error) => {
      if (!body.threw(error)) this.#observers.failed(error);
    });
  }

  carried(request: JSONRPCRequest): JSONRPCRequest {
    if (keptText(request) !== undefined) return request; // it passes as its server wrote it, byte for byte
    let meta: Record<string, unknown> | undefined;
    for (const one of this.#told) {
      const given = this.#observers.attempt(() => one.meta?.());
      const more = this.#observers.attempt(() => asJson(given));
      if (more !== undefined) meta = { ...meta, ...more };
    }
    if (meta === undefined) return request;
    return { ...request, params: { ...request.params, _meta: { ...meta, ...request.params?._meta } } };
  }

  end({ outcome, code, message, result }: Ending): void {
    if (this.#ended) return;
    this.#ended = true;
    // Not spread: that costs more than all else that is done here.
    const end = { outcome, code, message, result, duration: Math.max(0, this.#observers.now() - this.#since) };
    this.#observers.later(() => {
      for (const one of this.#told) this.#observers.attempt(() => one.end?.(end));
    });
  }
}

/** Members that can be sent; undefined where there are none. Throws where they are no JSON. */
function asJson(given: unknown): Record<string, unknown> | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const members: unknown = JSON.parse(JSON.stringify(given));
  return isObject(members) && Object.keys(members).length > 0 ? members : undefined;
}

/** A body that runs at the first call, and gives the same at each. */
interface Once<T> {
  (): T;
  /** Whether it is what the body threw, or rejected with. */
  threw(error: unknown): boolean;
}

function once<T>(body: () => T): Once<T> {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  let rejection: { readonly error: unknown } | undefined;
  const run = () => {
    if (outcome === undefined) {
      try {
        const value = body();
        outcome = { value };
        // Before anybody else looks at it: so it is known before a promise that was made of this one rejects.
        watch(value, (error) => {
          rejection = { error };
        });
      } catch (error) {
        outcome = { error };
      }
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  };
  return Object.assign(run, {
    threw: (error: unknown) =>
      (outcome !== undefined && 'error' in outcome && outcome.error === error) ||
      (rejection !== undefined && rejection.error === error),
  });
}

/** An event store whose operations are observed. It has what the store has. */
function observedEventStore(store: ForgettingEventStore, observers: Observers): ForgettingEventStore {
  const tell = <T>(operation: string, operate: () => Promise<T>): Promise<T> =>
    observers.any ? observers.timed('event', operation, operate) : operate();
  return {
    storeEvent: (...given) => tell('storeEvent', () => store.storeEvent(...given)),
    replayEventsAfter: (...given) => tell('replayEventsAfter', () => store.replayEventsAfter(...given)),
    ...(typeof store.getStreamIdForEventId === 'function' && {
      getStreamIdForEventId: async (eventId: string) =>
        tell('getStreamIdForEventId', async () => store.getStreamIdForEventId?.(eventId)),
    }),
    ...(typeof store.forget === 'function' && {
      forget: (prefix: string) => {
        const forget = () => store.forget?.(prefix);
        return observers.any ? tell('forget', async () => forget()) : forget();
      },
    }),
  };
}
