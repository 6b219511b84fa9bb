/**
 * Makes the end of an actor cost the same however many timers the actor system has.
 * xstate's own `scheduler.cancelAll` looks at every scheduled event of the system each time an actor stops (25 ms at
 * 100 000 timers); with an index from an actor to the ids that it scheduled, it looks at that actor's few.
 * Works over the scheduler's public methods; a system without them is left as it is, slower but right.
 */
import type { ActorSystem, ActorSystemInfo, AnyActorRef } from 'xstate';

type System = ActorSystem<ActorSystemInfo>;

/** Indexes the system's scheduler. Returns whether it could. */
export function indexScheduler(system: System): boolean {
  const scheduler: Partial<System['scheduler']> | undefined = system.scheduler;
  const schedule = scheduler?.schedule;
  const cancel = scheduler?.cancel;
  if (typeof schedule !== 'function' || typeof cancel !== 'function') return false;
  if (typeof scheduler?.cancelAll !== 'function') return false;

  // An actor has few delayed transitions, so an id that fired may stay listed: cancelling it again does nothing.
  const scheduled = new WeakMap<AnyActorRef, string[]>();
  Object.assign(system.scheduler, {
    schedule(source, target, event, delay, id) {
      if (delay === Number.POSITIVE_INFINITY) return; // on Node's clock it would fire at once
      const key = id ?? crypto.randomUUID();
      const ids = scheduled.get(source);
      if (ids === undefined) scheduled.set(source, [key]);
      else if (!ids.includes(key)) ids.push(key);
      schedule(source, target, event, delay, key);
    },
    cancelAll(actorRef) {
      for (const id of scheduled.get(actorRef) ?? []) cancel(actorRef, id);
      scheduled.delete(actorRef);
    },
  } satisfies Partial<System['scheduler']>);
  return true;
}
