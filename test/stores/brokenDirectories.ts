/** Directories that break the contract, each in one way, over one that keeps it. */
import { createMemoryDirectory, type Directory, type NodeLife } from 'mcp-session-supervisor';
import type { OpenedDirectory } from 'mcp-session-supervisor/testing';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { turns } from '../support/until.ts';

type Break = (good: Directory) => Partial<Directory>;

function methodsOf(directory: Directory): Directory {
  return {
    join: (life, leaseTime) => directory.join(life, leaseTime),
    renew: (id, leaseTime) => directory.renew(id, leaseTime),
    leave: (id) => directory.leave(id),
    find: (id) => directory.find(id),
    named: (node) => directory.named(node),
    lives: () => directory.lives(),
    close: () => directory.close(),
  };
}

/** A directory with its own time. */
export function brokenDirectory(by: Break): OpenedDirectory {
  const clock = new SimulatedClock();
  const good = createMemoryDirectory({ clock });
  const time = { now: () => clock.now(), pass: (ms: number) => clock.increment(ms) };
  return { directory: { ...methodsOf(good), ...by(methodsOf(good)) }, time };
}

/** Joins whatever stands in the way. */
async function joinAnyway(good: Directory, life: NodeLife, leaseTime: number): Promise<'joined' | 'taken'> {
  const held = await good.named(life.node);
  if (held !== undefined) await good.leave(held.id);
  return good.join(life, leaseTime);
}

/** What a directory does wrong, and the case that has to find it. */
export const DIRECTORY_BREAKS: Readonly<Record<string, readonly [Break, string]>> = {
  'forgets where a life is reached': [
    (good) => ({
      named: async (node) => {
        const life = await good.named(node);
        return life && { ...life, url: '' };
      },
    }),
    'finds a life that has joined',
  ],
  'finds a life by the name in its id': [
    (good) => ({ find: (id) => good.named(id.slice(0, id.lastIndexOf('#'))) }),
    'knows nothing of lives and nodes',
  ],
  'has the last to join under a name': [
    (good) => ({ join: (life, leaseTime) => joinAnyway(good, life, leaseTime) }),
    'lets no second life begin',
  ],
  'looks, and joins later': [
    (good) => ({
      join: async (life, leaseTime) => {
        if ((await good.named(life.node)) !== undefined) return 'taken';
        await turns(1);
        return joinAnyway(good, life, leaseTime);
      },
    }),
    'lets one begin of those that join at once',
  ],
  'takes names in small letters': [
    (good) => ({
      join: (life, leaseTime) => good.join({ ...life, node: life.node.toLowerCase() }, leaseTime),
    }),
    'keeps nodes apart whose names are alike',
  ],
  'has leases that are longer': [
    (good) => ({ join: (life, leaseTime) => good.join(life, 10 * leaseTime) }),
    'ends a life when its lease has run out',
  ],
  'renews nothing': [
    (good) => ({ renew: async (id) => ((await good.find(id)) === undefined ? 'gone' : 'renewed') }),
    'has a life go on from its renewal',
  ],
  'renews what is over': [
    (good) => {
      const known = new Map<string, NodeLife>();
      return {
        join: (life, leaseTime) => {
          known.set(life.id, life);
          return good.join(life, leaseTime);
        },
        renew: async (id, leaseTime) => {
          const life = known.get(id);
          if (life !== undefined) await good.join(life, leaseTime);
          return good.renew(id, leaseTime);
        },
      };
    },
    'never takes up again a life that is over',
  ],
  'ends whoever has the name of one that leaves': [
    (good) => ({
      leave: async (id) => good.leave((await good.named(id.slice(0, id.lastIndexOf('#'))))?.id ?? id),
    }),
    'never takes up again a life that is over',
  ],
  'waits for the lease of one that leaves': [() => ({ leave: async () => {} }), 'ends a life that leaves'],
  'gives away what it has': [
    (good) => {
      const held = new Map<string, NodeLife>();
      const given = (life: NodeLife | undefined) => life && (held.get(life.id) ?? life);
      return {
        join: (life, leaseTime) => {
          held.set(life.id, life);
          return good.join(life, leaseTime);
        },
        find: async (id) => given(await good.find(id)),
        named: async (node) => given(await good.named(node)),
      };
    },
    'gives copies',
  ],
  'tells some of them': [
    (good) => ({ lives: async () => (await good.lives()).slice(0, 40) }),
    'tells all lives, and 1 000 at most',
  ],
  'answers when it is closed': [() => ({ close: async () => {} }), 'rejects whatever it is asked after it was closed'],
};
