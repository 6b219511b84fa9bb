/** What holds for handles at all times, as code that looks at the public API and at what was seen. */
import type { HandleEndReason } from '../../index.ts';
import { sessionActors } from '../simulation/sessionActors.ts';
import type { SeenHandle, SeenWorld } from './seenHandle.ts';

/** What is wrong, now that nothing goes on by itself; undefined where nothing is. */
export function brokenRule(world: SeenWorld): string | undefined {
  for (const handle of world.seen.values()) {
    const wrong =
      wrongEnd(world, handle) ?? wrongClose(world, handle) ?? wrongSignals(world, handle) ?? wrongEvents(handle);
    if (wrong !== undefined) return `${handle.id.slice(0, 4)} ${wrong}`;
  }
  return disagreement(world) ?? overdue(world) ?? wrongCounts(world);
}

/** What is left after a drain. */
export function leftOver(world: SeenWorld): string | undefined {
  const { clock, seen, supervisor, pendingCreates } = world;
  if (!world.drained) return 'The drain does not come to an end';
  const [left] = supervisor.openHandles();
  if (left !== undefined) return `${left.id} is left`;
  if (sessionActors(world).length > 0) return `${sessionActors(world).length} actors are left`;
  if (clock.pending.length > 0) return `${clock.pending.length} timers are left`;
  if (pendingCreates > 0) return `${pendingCreates} creates were never answered`;
  const closing = supervisor.stats().handles?.['thing']?.closing;
  if (closing !== 0) return `${closing} are said to be closing`;
  for (const { id, made, closes } of seen.values()) {
    if (made && closes !== 1) return `${id.slice(0, 4)} was closed ${closes} times`;
  }
  return undefined;
}

/** Whether it ended for what its reason says. */
function wrongEnd({ settings, now, draining }: SeenWorld, handle: SeenHandle): string | undefined {
  const { reason, endedAt, createdAt, lastActiveAt, made, openFailed, asked, uses } = handle;
  if (reason === undefined || endedAt !== now) return undefined;
  const has: Record<HandleEndReason, boolean> = {
    idle: made && now - lastActiveAt >= settings.idleTimeout && uses.size === 0,
    lifetime: now - createdAt >= settings.maxLifetime,
    deleted: asked,
    evicted: settings.whenFull === 'evict-idle' && made,
    drained: draining,
    crashed: openFailed,
    initializeTimeout: now - createdAt >= settings.openTimeout,
  };
  return has[reason] ? undefined : `ended as ${reason}, which has no cause`;
}

/** It is closed once, after its end, when nobody uses it any more, or has had the time that there is. */
function wrongClose(world: SeenWorld, handle: SeenHandle): string | undefined {
  const { settings, now, drainingSince } = world;
  const { made, closes, closedAt, endedAt, uses } = handle;
  if (closes > 1) return `was closed ${closes} times`;
  if (closes === 1 && endedAt === undefined) return 'was closed before its end';
  if (endedAt === undefined || !made) return undefined;
  const time = Math.min(endedAt, drainingSince) + settings.shutdownTimeout;
  if (closes === 1 && closedAt === now && uses.size > 0 && now < time) return `was closed while ${uses.size} used it`;
  if (closes === 0 && (uses.size === 0 || now >= time)) return 'has ended and is not closed';
  return undefined;
}

/** Uses are told of the end, and of nothing else; at the end of a lifetime only when they have had their time. */
function wrongSignals({ settings, now, drainingSince }: SeenWorld, handle: SeenHandle): string | undefined {
  const { endedAt, made, opening, openFailed, reason, uses } = handle;
  if (!made && !openFailed && opening.aborted !== (endedAt !== undefined))
    return 'is being opened, and its signal says otherwise';
  for (const { aborted } of uses) {
    if (endedAt === undefined) {
      if (aborted) return 'is used by who was told of an end';
      continue;
    }
    const hasHadItsTime = now >= Math.min(endedAt, drainingSince) + settings.shutdownTimeout;
    if (aborted && reason === 'lifetime' && !hasHadItsTime) return 'is too old, and a use of it was not left its time';
    if (!aborted && (reason !== 'lifetime' || hasHadItsTime)) return 'has ended, and a use of it was not told';
  }
  return undefined;
}

/** Opened, then active and idle in turn, then the end; or the end alone. */
function wrongEvents({ events }: SeenHandle): string | undefined {
  const told = events.map((type) => type.slice('handle.'.length)).join(' ');
  const right = /^(opened active( idle( active idle)*( active)?)?)?( ?terminated)?$/.test(told);
  return right ? undefined : `was told of as ${told}`;
}

/** What the API and the actors say is what was seen. */
function disagreement(world: SeenWorld): string | undefined {
  const { seen, settings, supervisor } = world;
  const living = [...supervisor.openHandles()];
  const actors = sessionActors(world).map((actor) => actor.getSnapshot());
  if (actors.length !== living.length) return `There are ${actors.length} actors for ${living.length} handles`;
  if (living.length > settings.maxHandles) return `There are ${living.length} handles`;
  const counts = new Map<string | undefined, number>();
  for (const handle of seen.values()) {
    if (handle.endedAt === undefined || handle.isClosing)
      counts.set(handle.principal, (counts.get(handle.principal) ?? 0) + 1);
  }
  for (const { id, state, inFlight, principal } of living) {
    const handle = seen.get(id);
    const actor = actors.find(({ context }) => context?.sessionId === id);
    if (handle === undefined) return `Nobody has seen ${id} begin`;
    if (handle.endedAt !== undefined) return `${id.slice(0, 4)} has ended, and is there`;
    if (world.draining && state === 'idle') return `${id.slice(0, 4)} is idle, and kept in a drain`;
    if (handle.principal !== principal) return `${id.slice(0, 4)} is ${principal}'s`;
    if (actor?.value !== state || actor.context?.inFlight !== inFlight)
      return `${id.slice(0, 4)} is ${state}, its actor is not`;
    const uses = handle.made ? handle.uses.size : 1;
    const expected = handle.made ? (uses > 0 ? 'active' : 'idle') : 'initializing';
    if (state !== expected || inFlight !== uses)
      return `${id.slice(0, 4)} is ${state} with ${inFlight}, and used by ${uses}`;
  }
  for (const { id, endedAt } of seen.values()) {
    if (endedAt === undefined && !living.some((handle) => handle.id === id))
      return `${id.slice(0, 4)} is gone, and nobody was told`;
  }
  for (const [principal, count] of counts) {
    // What hangs while it is closed is given up in time, and may be more.
    if (count > settings.maxPerPrincipal + hanging(world, principal)) return `${principal} has ${count}`;
  }
  return undefined;
}

function hanging({ seen, settings, now }: SeenWorld, principal: string | undefined): number {
  return [...seen.values()].filter(({ closedAt, endedAt = now, events, isClosing, ...handle }) => {
    const since = events.includes('handle.opened') ? closedAt : endedAt; // one that came too late was given up before
    return handle.principal === principal && isClosing && now - since >= settings.shutdownTimeout;
  }).length;
}

/** Nothing lives longer than it may. */
function overdue({ seen, settings, now }: SeenWorld): string | undefined {
  for (const { id, endedAt, made, createdAt, lastActiveAt, uses } of seen.values()) {
    if (endedAt !== undefined) continue;
    if (!made && now - createdAt >= settings.openTimeout) return `${id.slice(0, 4)} is still being opened`;
    if (made && uses.size === 0 && now - lastActiveAt >= settings.idleTimeout)
      return `${id.slice(0, 4)} is idle for too long`;
    if (now - createdAt >= settings.maxLifetime) return `${id.slice(0, 4)} is too old`;
  }
  return undefined;
}

function wrongCounts({ seen, supervisor }: SeenWorld): string | undefined {
  const stats = supervisor.stats().handles?.['thing'];
  if (stats === undefined) return 'There are no stats';
  const all = [...seen.values()];
  const { initializing, active, idle, opened, ended } = stats;
  const endings = Object.values(ended).reduce((sum, count) => sum + count, 0);
  const isOpened = ({ events }: SeenHandle) => events.includes('handle.opened');
  if (opened !== all.filter(isOpened).length) return `${opened} are said to have been opened`;
  if (endings + initializing + active + idle < all.length) return `${endings} are said to have ended, of ${all.length}`;
  return undefined;
}
