/** For actors whose parent is there to be looked at alone, and may have ended before them. */
import type { AnyActorRef } from 'xstate';

/**
 * Lets an actor that ends leave a parent that has ended before it: in development xstate warns where one tells its end to
 * the other.
 */
export function leaveParent(actor: AnyActorRef, parent: AnyActorRef | undefined): void {
  if (parent === undefined || parent.getSnapshot().status === 'active') return;
  Object.assign(actor, { _parent: Object.create(parent, { _send: { value: () => {} } }) });
}
