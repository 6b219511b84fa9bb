/**
 * Who watches the actors can't stop them. xstate calls inspection observers in the midst of a transition, where an error
 * would end the actor that is in it; and it throws the error of a subscriber where nobody can catch it, which would end
 * the process. So whoever is let near an actor is wrapped.
 */
import {
  type ActorSystem,
  type ActorSystemInfo,
  type AnyActorRef,
  type Observer,
  type Subscription,
  toObserver,
} from 'xstate';
import { callBack } from './callback.ts';

type System = ActorSystem<ActorSystemInfo>;

/** Is told what an observer threw, or rejected with. */
export type ObserverFailed = (error: unknown) => void;

/** An observer whose errors are told, and go no further. */
export function guardedObserver<T>(observer: Partial<Observer<T>>, failed: ObserverFailed): Observer<T> {
  return {
    next: (value) => callBack(() => observer.next?.(value), failed),
    error: (error) => callBack(() => observer.error?.(error), failed),
    complete: () => callBack(() => observer.complete?.(), failed),
  };
}

/** Wraps everybody who will inspect the system. Returns what tells whether anybody of them does. */
export function guardInspection(system: System, failed: ObserverFailed): () => boolean {
  const inspect = system.inspect.bind(system);
  let inspecting = 0;
  Object.assign(system, {
    inspect: (observer: Parameters<System['inspect']>[0]): Subscription => {
      const { unsubscribe } = inspect(guardedObserver(toObserver(observer), failed));
      let over = false;
      inspecting++;
      return {
        unsubscribe: () => {
          if (over) return;
          over = true;
          inspecting--;
          unsubscribe();
        },
      };
    },
  });
  return () => inspecting > 0;
}

/**
 * What an actor inherits from whose subscribers are all wrapped. A prototype, so that it costs the actors nothing: a
 * property of their own would be 40 bytes for each session.
 */
export function guardedPrototype(prototype: AnyActorRef, failed: ObserverFailed): object {
  const { subscribe } = prototype;
  return Object.create(prototype, {
    subscribe: {
      value(this: AnyActorRef, ...observer: Parameters<typeof toObserver>) {
        return subscribe.call(this, guardedObserver(toObserver(...observer), failed) as never);
      },
    },
  }) as object;
}
