/**
 * Makes the end of an actor cost the same however many timers the actor system has.
 * xstate's own scheduler keeps the scheduled events of the whole system in one object, and looks at all of them each
 * time an actor stops (25 ms at 100 000 timers). This one keeps each actor's few by themselves. It stands on the public
 * methods of `system.scheduler`; a system without them is left as it is, slower but right.
 */
import type { ActorSystem, ActorSystemInfo, AnyActorRef, EventObject } from 'xstate';
import type { TimerClock } from '../clock.ts';

type System = ActorSystem<ActorSystemInfo>;

/**
 * How xstate's own scheduler delivers, so that inspectors learn the event's source. Not public: where it is missing, the
 * event is sent to its target, and inspectors take it for one from outside.
 */
interface Relaying {
  readonly _relay?: (source: AnyActorRef, target: AnyActorRef, event: EventObject) => void;
}

/**
 * An actor's timers. Made once for each actor, because a WeakMap that is written with every event keeps what it held from
 * being collected while it is young.
 */
interface Timers {
  first: Scheduled | undefined;
}

/** A timer, in a list: an actor has one or two. */
interface Scheduled {
  readonly id: string;
  readonly handle: unknown;
  readonly next: Scheduled | undefined;
}

/** What a timer brings about happens within it. */
export type During = (transition: () => void) => void;

/** Replaces the system's scheduler. Returns whether it could. */
export function replaceScheduler(system: System, clock: TimerClock, during: During = (act) => act()): boolean {
  const scheduler: Partial<System['scheduler']> | undefined = system.scheduler;
  const known = ['schedule', 'cancel', 'cancelAll'] as const;
  if (!known.every((method) => typeof scheduler?.[method] === 'function')) return false;

  const all = new WeakMap<AnyActorRef, Timers>();
  const remove = (actor: AnyActorRef, id: string): Scheduled | undefined => {
    const timers = all.get(actor);
    let found: Scheduled | undefined;
    let rest: Scheduled | undefined;
    for (let entry = timers?.first; entry !== undefined; entry = entry.next) {
      if (entry.id === id) found = entry;
      else rest = { ...entry, next: rest };
    }
    if (timers !== undefined && found !== undefined) timers.first = rest;
    return found;
  };
  const deliver = (source: AnyActorRef, target: AnyActorRef, event: EventObject) => {
    const relaying = system as Relaying;
    if (typeof relaying._relay === 'function') relaying._relay(source, target, event);
    else target.send(event);
  };
  const replacement: System['scheduler'] = {
    schedule(source, target, event, delay, id = crypto.randomUUID()) {
      if (delay === Number.POSITIVE_INFINITY) return; // on Node's clock it would fire at once
      const handle = clock.setTimeout(() => {
        remove(source, id);
        during(() => deliver(source, target, event));
      }, delay);
      const timers = all.get(source);
      if (timers === undefined) all.set(source, { first: { id, handle, next: undefined } });
      else timers.first = { id, handle, next: timers.first };
    },
    cancel(source, id) {
      const entry = remove(source, id);
      if (entry !== undefined) clock.clearTimeout(entry.handle);
    },
    cancelAll(actor) {
      for (let entry = all.get(actor)?.first; entry !== undefined; entry = entry.next) clock.clearTimeout(entry.handle);
      all.delete(actor);
    },
  };
  Object.assign(system.scheduler, replacement);
  return true;
}
