/** Sessions on LMDB beyond the contract: writes of one turn, what can't be read, what an earlier process left live. */
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { SessionRecord } from 'mcp-session-supervisor';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Environment } from '../../src/lmdb/environment.ts';
import { EventTable } from '../../src/lmdb/eventTable.ts';
import { SessionTable } from '../../src/lmdb/sessionTable.ts';
import { Writes } from '../../src/lmdb/writes.ts';
import { recordLines } from '../../src/stores/recordText.ts';
import { RECORD_LIMITS } from '../../src/stores/sessionRecord.ts';
import { checkBounds } from '../../src/stores/storeBounds.ts';
import { NOW, sessionRecord } from '../stores/sessionRecords.ts';
import { freshPath, stores } from './folders.ts';

/** Changes what is in a folder behind the stores' back, while they are closed. */
async function tamper(path: string, change: (text: string) => string, id: string): Promise<void> {
  const [data = ''] = readdirSync(path).filter((name) => name.startsWith('data-'));
  const root = open({ path: join(path, data), maxDbs: 16, overlappingSync: false, mapSize: 2 ** 30 });
  const sessions = root.openDB<string, string>({ name: 'sessions', encoding: 'string' });
  root.transactionSync(() => sessions.putSync(id, change(sessions.get(id) ?? '')));
  await root.close();
}

describe('writes', () => {
  test('of one turn are one transaction', async () => {
    const path = await freshPath();
    const { sessionStore, eventStore, close } = stores(path);
    await sessionStore.count();
    const commits = async () => {
      const [data = ''] = readdirSync(path);
      const root = open({ path: join(path, data), maxDbs: 16, overlappingSync: false, mapSize: 2 ** 30 });
      const { lastTxnId } = root.getStats() as { lastTxnId: number };
      await root.close();
      return lastTxnId;
    };
    const before = await commits();
    await Promise.all([
      ...Array.from({ length: 50 }, (_, n) => sessionStore.create(sessionRecord(`s${n}`))),
      eventStore.storeEvent('s0:0', { jsonrpc: '2.0', method: 'm' }),
      sessionStore.remove('s7', 1),
      eventStore.forget('s1:'),
    ]);
    expect((await commits()) - before).toBe(1);
    await close();
  });

  test('of one turn may be any number, and are done in order', async () => {
    const { sessionStore, close } = stores(await freshPath());
    await sessionStore.create(sessionRecord('id'));
    const states = Array.from({ length: 1_000 }, (_, n) => `{"n":${n}}`);
    const updated = Promise.all(states.map((state) => sessionStore.update('id', 1, { state })));
    const before = sessionStore.remove('id', 1);
    const closed = close();
    expect(new Set(await updated)).toEqual(new Set(['updated']));
    expect(await before).toBe('removed');
    await closed;
  });

  test('that can’t be done take no other along', async () => {
    const { sessionStore } = stores(await freshPath());
    await sessionStore.create(sessionRecord('full', { state: JSON.stringify({ a: 'x'.repeat(1_000_000) }) }));
    const history = Array.from({ length: 256 }, () => [1, 'e'.repeat(1_000), 1] as const);
    const results = await Promise.allSettled([
      sessionStore.create(sessionRecord('before')),
      sessionStore.update('full', 1, { history }),
      sessionStore.create(sessionRecord('after')),
    ]);
    expect(results).toMatchObject([
      { value: 'created' },
      { reason: { code: 'INVALID_RECORD', message: expect.stringContaining(`may have ${RECORD_LIMITS.bytes}`) } },
      { value: 'created' },
    ]);
    expect(await sessionStore.load('full')).toMatchObject({ record: { history: [] } });
    expect(await sessionStore.count()).toEqual({ sessions: 3, parked: 0 });
  });

  test('are what was given, whatever becomes of it until their turn', async () => {
    const { sessionStore } = stores(await freshPath());
    const record = sessionRecord('id', { subscriptions: ['a:b'] });
    const given = structuredClone(record);
    const created = sessionStore.create(given);
    (given.subscriptions as string[]).push('c:d');
    Object.assign(given.initialize, { added: true });
    await created;
    expect(await sessionStore.load('id')).toEqual({ verdict: 'found', record });
    const subscriptions = ['e:f'];
    const updated = sessionStore.update('id', 1, { subscriptions });
    subscriptions.push('g:h');
    await updated;
    expect(await sessionStore.load('id')).toMatchObject({ record: { subscriptions: ['e:f'] } });
  });
});

test('what a transaction changed is undone with it, counts too', async () => {
  const folder = await freshPath();
  await mkdir(folder, { mode: 0o700 });
  const environment = new Environment({ open }, folder, { durability: 'process', maxSize: 2 ** 26 });
  onTestFinished(() => environment.close());
  const events = new EventTable(environment.databases, checkBounds({ maxEvents: 2 }), Date.now);
  const sessions = new SessionTable(environment.databases, { number: 1, since: 0 }, events);
  const writes = new Writes(environment, [sessions, events]);
  const run = (apply: () => unknown) => writes.run({ pages: () => 20, apply });
  const poison = () =>
    run(() => {
      throw new Error('the disk');
    });
  const results = await Promise.allSettled([
    run(() => sessions.create(recordLines(sessionRecord('a')), 1)),
    run(() => events.append('a:0', '{}', false)),
    poison(),
    run(() => sessions.create(recordLines(sessionRecord('b')), 1)),
    run(() => events.append('a:0', '{}', false)),
  ]);
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code))).toEqual([
    'created',
    1,
    'STORE_FAILED',
    'principalFull',
    2,
  ]);
  expect(sessions.count()).toEqual({ sessions: 1, parked: 0 });
  expect(events.totals).toEqual({ last: 2, events: 2, bytes: 4 });
});

describe('a record that can’t be read', () => {
  const good = sessionRecord('bad', { idleDeadline: 5, principal: 'somebody' });
  const damage: Readonly<Record<string, (text: string) => string>> = {
    notJson: (text) => text.slice(0, text.length / 2),
    malformed: (text) => text.replace('"initialized":true', '"initialized":"yes"'),
    newerFormat: (text) => text.replace('"format":1', '"format":2'),
    tooLarge: (text) => `${text}${' '.repeat(RECORD_LIMITS.bytes)}`,
  };

  test.each(Object.entries(damage))('%s: it is told apart, and others are unhurt', async (why, by) => {
    const path = await freshPath();
    const first = stores(path);
    await first.sessionStore.create(good);
    const other = sessionRecord('other', { idleDeadline: 6 });
    await first.sessionStore.create(other);
    await first.close();
    await tamper(path, by, 'bad');

    const { sessionStore } = stores(path);
    expect(await sessionStore.load('bad')).toEqual({ verdict: 'unreadable', why });
    expect(await sessionStore.claim('bad', 1)).toEqual({ verdict: 'unreadable', why });
    expect(await sessionStore.create(good)).toBe('exists');
    expect(await sessionStore.load('other')).toEqual({ verdict: 'found', record: other });
    expect((await sessionStore.expired(10, 10)).map(({ id }) => id)).toContain('other');
    // What a later version wrote stays for it; anything else can be removed.
    expect(await sessionStore.remove('bad', 1)).toBe(why === 'newerFormat' ? 'fenced' : 'removed');
    expect(await sessionStore.load('bad')).toMatchObject({ verdict: why === 'newerFormat' ? 'unreadable' : 'gone' });
    expect((await sessionStore.expired(10, 10)).map(({ id }) => id)).toEqual(['other']);
    expect(await sessionStore.claim('other', 1)).toMatchObject({ verdict: 'claimed' });
  });

  test('of nothing but rubbish: nobody can change it, and it can be removed', async () => {
    const path = await freshPath();
    const first = stores(path);
    await first.sessionStore.create(good);
    await first.close();
    await tamper(path, () => 'rubbish', 'bad');
    const { sessionStore } = stores(path);
    expect(await sessionStore.update('bad', 1, { initialized: true })).toBe('fenced');
    expect(await sessionStore.park('bad', 1, { at: 1 })).toEqual({ verdict: 'fenced' });
    expect(await sessionStore.expired(10, 10)).toEqual([]);
    expect(await sessionStore.remove('bad', 99)).toBe('removed');
    expect(await sessionStore.count()).toEqual({ sessions: 0, parked: 0 });
    // Nothing of it is left that could be taken for the next one's.
    expect(await sessionStore.create(sessionRecord('bad', { idleDeadline: null }))).toBe('created');
    expect(await sessionStore.expired(10, 10)).toEqual([]);
    await sessionStore.create(sessionRecord('next'));
    await sessionStore.park('next', 1, { at: 1, maxParked: 1 });
    await sessionStore.create(sessionRecord('last'));
    expect(await sessionStore.park('last', 1, { at: 2, maxParked: 1 })).toMatchObject({ evicted: [{ id: 'next' }] });
  });

  test('members of a later version of the same format stay through changes', async () => {
    const path = await freshPath();
    const first = stores(path);
    await first.sessionStore.create(good);
    await first.close();
    await tamper(path, (text) => text.replace('"format":1', '"format":1,"later":[1,2]'), 'bad');
    const second = stores(path);
    await second.sessionStore.update('bad', 1, { logLevel: 'debug' });
    await second.sessionStore.claim('bad', 1);
    expect(await second.sessionStore.load('bad')).toEqual({
      verdict: 'found',
      record: { ...good, epoch: 2, logLevel: 'debug' },
    });
    await second.close();
    let seen = '';
    await tamper(path, (text) => (seen = text), 'bad');
    expect(seen).toContain('"later":[1,2]');
  });
});

describe('sessions that an earlier process left live', () => {
  /** A folder whose last owner had two parked sessions, and two live ones. */
  async function left(): Promise<string> {
    const path = await freshPath();
    const { sessionStore, close } = stores(path);
    for (const id of ['parked-1', 'parked-2', 'live-1', 'live-2']) await sessionStore.create(sessionRecord(id));
    await sessionStore.park('parked-2', 1, { at: NOW - 2e12 });
    await sessionStore.park('parked-1', 1, { at: NOW - 1e12 });
    await close();
    return path;
  }

  test('count as parked', async () => {
    const { sessionStore } = stores(await left());
    expect(await sessionStore.count()).toEqual({ sessions: 4, parked: 4 });
    await sessionStore.claim('live-1', 1);
    expect(await sessionStore.count()).toEqual({ sessions: 4, parked: 3 });
    await sessionStore.remove('live-2', 1);
    expect(await sessionStore.count()).toEqual({ sessions: 3, parked: 2 });
  });

  test('are evicted behind those that were parked before, and before those that are parked now', async () => {
    const { sessionStore } = stores(await left());
    const evicted: string[] = [];
    for (let n = 0; n < 6; n++) {
      await sessionStore.create(sessionRecord(`new-${n}`));
      const parked = await sessionStore.park(`new-${n}`, 1, { at: Date.now() + n, maxParked: 4 });
      if (parked.verdict === 'parked') evicted.push(...parked.evicted.map(({ id }) => id));
    }
    expect(evicted).toEqual(['parked-2', 'parked-1', 'live-1', 'live-2', 'new-0', 'new-1']);
    expect(await sessionStore.count()).toEqual({ sessions: 4, parked: 4 });
  });
});

test('a session’s events go with its record, however it goes', async () => {
  const { sessionStore, eventStore } = stores(await freshPath());
  const ids = ['a', 'ab', 'a:b', 'a_b', 'evicted'];
  const message = { jsonrpc: '2.0', method: 'm' } as const;
  const events = new Map<string, string>();
  for (const id of ids) {
    await sessionStore.create(sessionRecord(id, { parkedAt: null }));
    const stream = `${encodeURIComponent(id).replaceAll('_', '%5F')}:0`;
    events.set(id, await eventStore.storeEvent(stream, message));
  }
  const left = async () => {
    const held: string[] = [];
    for (const [id, event] of events) if ((await eventStore.getStreamIdForEventId(event)) !== undefined) held.push(id);
    return held;
  };
  expect(await sessionStore.remove('a', 2)).toBe('fenced');
  expect(await left()).toEqual(ids);
  await sessionStore.remove('a', 1);
  expect(await left()).toEqual(['ab', 'a:b', 'a_b', 'evicted']);
  await sessionStore.remove('a_b', 1);
  await sessionStore.park('evicted', 1, { at: 1 });
  await sessionStore.park('ab', 1, { at: 2, maxParked: 1 });
  expect(await left()).toEqual(['ab', 'a:b']);
});

test('what is no record is refused before anything is opened', async () => {
  const path = join(await freshPath(), 'not-there');
  const { sessionStore } = stores(path);
  const refused = expect.objectContaining({ code: 'INVALID_RECORD' });
  await expect(sessionStore.create({ ...sessionRecord('id'), token: 'secret' } as SessionRecord)).rejects.toEqual(
    refused,
  );
  await expect(sessionStore.create(sessionRecord('id', { parkedAt: 1 }))).rejects.toEqual(refused);
  await expect(sessionStore.update('id', 1, { token: 'secret' } as object)).rejects.toEqual(refused);
  await expect(sessionStore.park('id', 1, { at: 0.5 })).rejects.toEqual(refused);
  expect(() => readdirSync(path)).toThrow('ENOENT');
});
