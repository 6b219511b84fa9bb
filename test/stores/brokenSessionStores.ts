/** Session stores that break the contract, each in one way, over one that keeps it. */
import { createMemorySessionStore, type SessionRecord, type SessionStore } from 'mcp-session-supervisor';
import { turns } from '../support/until.ts';

type Break = (good: SessionStore) => Partial<SessionStore>;

/** A store whose methods are its own, so that some can be replaced. */
export function methodsOf(store: SessionStore): SessionStore {
  return {
    durable: store.durable,
    counts: store.counts,
    expires: store.expires === true,
    create: (record, limits) => store.create(record, limits),
    load: (id) => store.load(id),
    claim: (...all) => store.claim(...all),
    update: (id, epoch, change) => store.update(id, epoch, change),
    park: (id, epoch, parking) => store.park(id, epoch, parking),
    remove: (id, epoch) => store.remove(id, epoch),
    expired: (by, limit, after) => store.expired(by, limit, after),
    count: () => store.count(),
    countOf: (principal) => store.countOf(principal),
    close: () => store.close(),
  };
}

export function broken(by: Break): SessionStore {
  const good = createMemorySessionStore();
  return { ...methodsOf(good), ...by(methodsOf(good)) };
}

async function found(store: SessionStore, id: string): Promise<SessionRecord | undefined> {
  const loaded = await store.load(id);
  return loaded.verdict === 'found' ? loaded.record : undefined;
}

/** What is done to a record as it is read. */
function reading(change: (record: SessionRecord) => SessionRecord): Break {
  return ({ load, claim }) => ({
    load: async (id) => {
      const loaded = await load(id);
      return loaded.verdict === 'found' ? { verdict: 'found', record: change(loaded.record) } : loaded;
    },
    claim: async (...all) => {
      const claimed = await claim(...all);
      return claimed.verdict === 'claimed' ? { verdict: 'claimed', record: change(claimed.record) } : claimed;
    },
  });
}

/** What a store does wrong, and the case that has to find it. */
export const BREAKS: Readonly<Record<string, readonly [Break, string]>> = {
  'creates over what is there': [
    ({ create, load, remove }) => ({
      create: async (record, limits) => {
        const loaded = await load(record.id);
        if (loaded.verdict === 'found') await remove(record.id, loaded.record.epoch);
        return create(record, limits);
      },
    }),
    'creates a session only where there is none',
  ],
  'looks, and creates later': [
    (good) => ({
      create: async (record, limits) => {
        if ((await found(good, record.id)) !== undefined) return 'exists';
        await turns(1);
        await good.create(record, limits);
        return 'created';
      },
    }),
    'creates a session once',
  ],
  'looks, and claims later': [
    (good) => ({
      claim: async (id, seen) => {
        const record = await found(good, id);
        if (record === undefined) return { verdict: 'gone' };
        if (record.epoch !== seen) return { verdict: 'fenced' };
        await turns(1);
        await good.claim(id, seen);
        return { verdict: 'claimed', record: { ...record, epoch: seen + 1, parkedAt: null } };
      },
    }),
    'gives a session to one of those that claim it at once',
  ],
  'forgets for whom it was claimed': [
    (good) => ({ claim: (id, seen) => good.claim(id, seen) }),
    'remembers who has a session',
  ],
  'claims from any epoch': [
    (good) => ({ claim: async (id, seen, owner) => good.claim(id, (await found(good, id))?.epoch ?? seen, owner) }),
    'lets nobody write at another epoch',
  ],
  'comes to an epoch again': [
    reading((record) => ({ ...record, epoch: Math.min(record.epoch, 2) })),
    'makes a greater epoch with each claim',
  ],
  'looks, and removes later': [
    (good) => ({
      remove: async (id, epoch) => {
        const record = await found(good, id);
        if (record?.epoch !== epoch) return good.remove(id, epoch);
        await turns(1);
        return good.remove(id, (await found(good, id))?.epoch ?? epoch);
      },
    }),
    'either claims a session or removes it',
  ],
  'claims what it has read before': [
    (good) => ({
      claim: async (id, seen) => {
        const record = await found(good, id);
        await turns(1);
        const claimed = await good.claim(id, seen);
        if (claimed.verdict !== 'claimed' || record === undefined) return claimed;
        await good.update(id, claimed.record.epoch, { logLevel: record.logLevel });
        return claimed;
      },
    }),
    'does not write what it says is fenced, nor loses',
  ],
  'loses one of a hundred': [
    ({ create }) => {
      let created = 0;
      return { create: async (record, limits) => (++created % 100 === 0 ? 'created' : create(record, limits)) };
    },
    'has every session that was created at once',
  ],
  'has what it removed once more': [
    (good) => {
      const removed = new Map<string, SessionRecord>();
      return {
        remove: async (id, epoch) => {
          const record = await found(good, id);
          const verdict = await good.remove(id, epoch);
          if (verdict === 'removed' && record !== undefined) removed.set(id, record);
          return verdict;
        },
        load: async (id) => {
          const record = removed.get(id);
          return removed.delete(id) && record !== undefined ? { verdict: 'found', record } : good.load(id);
        },
      };
    },
    'has ended for good what it removed',
  ],
  'claims, and tells what it was before': [
    (good) => ({
      claim: async (id, seen) => {
        const record = await found(good, id);
        const claimed = await good.claim(id, seen);
        return claimed.verdict === 'claimed' && record !== undefined ? { verdict: 'claimed', record } : claimed;
      },
    }),
    'claims a session as it is now',
  ],
  'writes whoever asks': [
    (good) => ({
      update: async (id, epoch, change) => good.update(id, (await found(good, id))?.epoch ?? epoch, change),
    }),
    'lets nobody write at another epoch',
  ],
  'writes for whoever comes later': [
    (good) => ({
      update: async (id, epoch, change) => {
        const record = await found(good, id);
        return good.update(id, record !== undefined && record.epoch < epoch ? record.epoch : epoch, change);
      },
    }),
    'lets nobody write at another epoch',
  ],
  'writes what it says is fenced': [
    (good) => ({
      update: async (id, epoch, change) => {
        const record = await found(good, id);
        if (record === undefined) return 'gone';
        await good.update(id, record.epoch, change);
        return record.epoch === epoch ? 'updated' : 'fenced';
      },
    }),
    'lets nobody write at another epoch',
  ],
  'writes what was removed': [
    (good) => ({
      update: async (id, epoch, change) => {
        const record = await found(good, id);
        await turns(1);
        const verdict = await good.update(id, epoch, change);
        if (verdict !== 'gone' || record === undefined) return verdict;
        await good.create({ ...record, ...change, parkedAt: null });
        return 'updated';
      },
    }),
    'brings nothing back that was removed',
  ],
  'creates what it is to change': [
    ({ create, update }) => ({
      update: async (id, epoch, change) => {
        const verdict = await update(id, epoch, change);
        if (verdict === 'gone' && id !== '' && id.length < 200 && /^[!-~]+$/.test(id)) {
          await create(plain(id));
        }
        return verdict;
      },
    }),
    'answers `gone` for every id',
  ],
  'removes whoever asks': [
    (good) => ({ remove: async (id, epoch) => good.remove(id, (await found(good, id))?.epoch ?? epoch) }),
    'lets nobody write at another epoch',
  ],
  'says that it removed what was not there': [
    ({ remove }) => ({
      remove: async (id, epoch) => {
        const verdict = await remove(id, epoch);
        return verdict === 'gone' ? 'removed' : verdict;
      },
    }),
    'answers `gone` for every id',
  ],
  'takes fenced for gone': [
    ({ update }) => ({
      update: async (id, epoch, change) => {
        const verdict = await update(id, epoch, change);
        return verdict === 'fenced' ? 'gone' : verdict;
      },
    }),
    'lets nobody write at another epoch',
  ],
  'reads, and writes all of it later': [
    (good) => ({
      update: async (id, epoch, change) => {
        const record = await found(good, id);
        if (record === undefined) return 'gone';
        if (record.epoch !== epoch) return 'fenced';
        await turns(1);
        const { initialized, logLevel, subscriptions, state, lastActiveAt, idleDeadline, history } = record;
        const whole = { initialized, logLevel, subscriptions, state, lastActiveAt, idleDeadline, history };
        return good.update(id, epoch, { ...whole, ...change });
      },
    }),
    'loses none of the changes that are made at once',
  ],
  'takes null for nothing to change': [
    ({ update }) => ({
      update: (id, epoch, change) =>
        update(id, epoch, Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null))),
    }),
    'changes what it is given',
  ],
  'takes ids for the same in whatever case': [
    ({ create, load }) => ({
      create: (record, limits) => create({ ...record, id: record.id.toLowerCase() }, limits),
      load: (id) => load(id.toLowerCase()),
    }),
    'keeps sessions apart whose ids are alike',
  ],
  'knows the beginning of an id': [({ load }) => ({ load: (id) => load(id.trim()) }), 'answers `gone` for every id'],
  'drops members that it does not know': [
    reading((record) => ({ ...record, initialize: { clientInfo: record.initialize['clientInfo'] } })),
    'gives records back as they were',
  ],
  'assigns members, __proto__ too': [
    reading((record) => ({ ...record, initialize: Object.assign({}, record.initialize) })),
    'gives records back as they were',
  ],
  'keeps text as Latin-1': [
    reading((record) => JSON.parse(JSON.stringify(record).replace(/[\u0100-\uffff]/g, '?'))),
    'gives records back as they were',
  ],
  'takes nobody for an empty name': [
    reading((record) => ({ ...record, principal: record.principal || null })),
    'gives records back as they were',
  ],
  'cuts long states': [
    reading((record) => (record.state.length > 100_000 ? { ...record, state: '{}' } : record)),
    'takes a record of nearly 1 MiB',
  ],
  'gives out what it keeps': [
    (good) => {
      const out = new Map<string, SessionRecord>();
      return {
        load: async (id) => {
          const loaded = await good.load(id);
          if (loaded.verdict !== 'found') return loaded;
          const record = out.get(id) ?? loaded.record;
          out.set(id, record);
          return { verdict: 'found', record };
        },
      };
    },
    'gives copies',
  ],
  'forgets a deadline at the time itself': [
    ({ expired }) => ({ expired: (by, limit, after) => expired(by - 1, limit, after) }),
    'tells what has expired by a time',
  ],
  'goes by the idle deadline alone': [
    ({ create }) => ({ create: (record, limits) => create({ ...record, lifetimeDeadline: null }, limits) }),
    'goes by the earlier of the two deadlines',
  ],
  'has deadlines in the order of text': [
    ({ expired }) => ({
      expired: async (by, _limit, after) => {
        if (after !== undefined) return [];
        return (await expired(by, 1_000)).toSorted((a, b) => (String(a.deadline) < String(b.deadline) ? -1 : 1));
      },
    }),
    'has them in the order of their deadlines',
  ],
  'goes on behind a time, and not behind a session': [
    ({ expired }) => ({
      expired: (by, limit, after) => expired(by, limit, after && { deadline: after.deadline, id: '\uffff' }),
    }),
    'has them in the order of their deadlines',
  ],
  'tells all that has expired': [
    ({ expired }) => ({ expired: async (by, _limit, after) => (after === undefined ? expired(by, 1_000) : []) }),
    'tells as many as it is asked for',
  ],
  'tells old deadlines': [
    ({ update }) => ({
      update: async (id, epoch, { idleDeadline: _, ...change }) => update(id, epoch, change),
    }),
    'follows what becomes of a session',
  ],
  'tells who has expired and is parked no more': [
    ({ expired }) => ({
      expired: async (by, limit, after) =>
        (await expired(by, limit, after)).map((session) => ({ ...session, epoch: 1 })),
    }),
    'follows what becomes of a session',
  ],
  'answers when it is closed': [
    ({ load }) => ({ load: (id) => load(id).catch(() => ({ verdict: 'gone' as const })) }),
    'rejects whatever it is asked after it was closed',
  ],
  'counts what is parked twice': [
    ({ park, count }) => {
      let parks = 0;
      return {
        park: async (id, epoch, parking) => {
          const parked = await park(id, epoch, parking);
          if (parked.verdict === 'parked') parks++;
          return parked;
        },
        count: async () => ({ ...(await count()), parked: parks }),
      };
    },
    'counts sessions, and those that are parked',
  ],
  'counts live sessions of a principal only': [
    ({ create, park }) => {
      const parked = new Set<string>();
      return {
        park: async (id, epoch, parking) => {
          parked.add(id);
          return park(id, epoch, parking);
        },
        create: (record, { maxPerPrincipal = Number.POSITIVE_INFINITY } = {}) =>
          create(record, { maxPerPrincipal: maxPerPrincipal + parked.size }),
      };
    },
    'counts the sessions of each principal',
  ],
  'counts first, and creates later': [
    ({ create, countOf }) => ({
      create: async (record, { maxPerPrincipal = Number.POSITIVE_INFINITY } = {}) => {
        if ((await countOf(record.principal)) >= maxPerPrincipal) return 'principalFull';
        await turns(1);
        return create(record);
      },
    }),
    'lets no more in than a principal may have',
  ],
  'takes nobody for a principal of that name': [
    ({ create, countOf }) => ({
      create: (record, limits) => create({ ...record, principal: String(record.principal) }, limits),
      countOf: (principal) => countOf(String(principal)),
    }),
    'tells principals apart that are alike',
  ],
  'parks as many as there are': [
    ({ park }) => ({ park: (id, epoch, { maxParked: _, ...parking }) => park(id, epoch, parking) }),
    'ends the longest parked session',
  ],
  'ends whoever is parked longest, itself too': [
    ({ park, remove }) => ({
      park: async (id, epoch, { maxParked, ...parking }) => {
        const parked = await park(id, epoch, { ...parking, maxParked });
        if (parked.verdict !== 'parked' || parking.at > 0 || parked.evicted.length === 0) return parked;
        await remove(id, epoch);
        return { verdict: 'parked', evicted: [{ id, record: null }] };
      },
    }),
    'never ends the session that is being parked',
  ],
  'evicts one at a time': [
    (good) => ({
      park: async (id, epoch, { maxParked = Number.POSITIVE_INFINITY, ...parking }) => {
        const { parked } = await good.count();
        return good.park(id, epoch, { ...parking, maxParked: Math.max(maxParked, parked) });
      },
    }),
    'ends 16 parked sessions at a time',
  ],
  'evicts, and tells nobody': [
    ({ park }) => ({
      park: async (id, epoch, parking) => {
        const parked = await park(id, epoch, parking);
        return parked.verdict === 'parked' ? { verdict: 'parked', evicted: [] } : parked;
      },
    }),
    'ends the longest parked session',
  ],
  'evicts, and keeps the record': [
    ({ park, create }) => ({
      park: async (id, epoch, parking) => {
        const parked = await park(id, epoch, parking);
        if (parked.verdict !== 'parked') return parked;
        for (const { record } of parked.evicted) if (record !== null) await create({ ...record, parkedAt: null });
        return parked;
      },
    }),
    'ends the longest parked session',
  ],
  'ends whoever was parked first, by now parked or not': [
    ({ park, claim }) => {
      const claimed = new Set<string>();
      return {
        claim: async (id, seen) => {
          claimed.add(id);
          return claim(id, seen);
        },
        park: async (id, epoch, parking) => {
          const [first] = claimed;
          const parked = await park(id, epoch, parking);
          if (parked.verdict !== 'parked' || parked.evicted.length === 0 || first === undefined) return parked;
          return { verdict: 'parked', evicted: [{ id: first, record: null }] };
        },
      };
    },
    'ends no session that was claimed before',
  ],
};

function plain(id: string): SessionRecord {
  return {
    format: 1,
    id,
    epoch: 1,
    principal: null,
    createdAt: 0,
    initialize: {},
    protocolVersion: '2025-11-25',
    capabilities: {},
    initialized: false,
    logLevel: null,
    subscriptions: [],
    state: '{}',
    lastActiveAt: 0,
    idleDeadline: null,
    lifetimeDeadline: null,
    parkedAt: null,
    history: [],
  };
}
