/** The list page by page: whole, whatever happens meanwhile, at a cost that does not grow, and bounded. */
import { describe, expect, test } from 'vitest';
import { SessionList } from '../../src/admin/sessionList.ts';
import { SessionRows } from '../../src/admin/sessionRows.ts';
import type { SessionInfo } from '../../src/index.ts';
import { MANY, openMany } from '../inspector/inspect.ts';
import { type Administered, serveAdministered } from './administered.ts';

interface Page {
  readonly sessions: readonly { readonly key: string }[];
  readonly next?: string;
}

const ALL = { states: [], principal: undefined };

const pageOf = async ({ told }: Administered, query: string) => (await told(`/sessions?${query}`)).json() as Page;

async function walk(served: Administered, query: string, between: () => unknown = () => {}): Promise<string[]> {
  const keys: string[] = [];
  for (let page = await pageOf(served, query); ; page = await pageOf(served, `limit=7&cursor=${page.next}`)) {
    keys.push(...page.sessions.map(({ key }) => key));
    if (page.next === undefined) return keys;
    await between();
  }
}

test('every session is on one page, oldest first', async () => {
  const served = await serveAdministered(MANY, { revealIds: true });
  const ids = await openMany(served.supervisor, 30);
  const keys = await walk(served, 'limit=7');
  const whole = (await pageOf(served, 'limit=1000')) as unknown as { sessions: { key: string; id: string }[] };
  expect(whole.sessions.map(({ id }) => id)).toEqual(ids);
  expect(keys).toEqual(whole.sessions.map(({ key }) => key));
});

test('who ends or comes meanwhile makes no page of the others miss or show twice', async () => {
  const served = await serveAdministered(MANY);
  const ids = await openMany(served.supervisor, 40);
  const before = (await pageOf(served, 'limit=1000')).sessions.map(({ key }) => key);
  let ended = 0;
  const keys = await walk(served, 'limit=7', async () => {
    await served.supervisor.terminate(ids[ended++] as string); // behind the walk
    await served.supervisor.terminate(ids[ids.length - ended] as string); // before it
    await openMany(served.supervisor, 1);
  });
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toEqual(expect.arrayContaining(before.slice(0, -ended)));
});

describe('a cursor', () => {
  test('can be used once', async () => {
    const served = await serveAdministered(MANY);
    await openMany(served.supervisor, 3);
    const { next } = await pageOf(served, 'limit=1');
    expect((await served.told(`/sessions?cursor=${next}`)).status).toBe(200);
    const again = await served.told(`/sessions?cursor=${next}`);
    expect([again.status, again.json()]).toMatchObject([410, { error: { name: 'cursorGone' } }]);
    expect((await served.told('/sessions?cursor=made-up')).status).toBe(410);
  });

  test('goes on with its filter, and takes no other', async () => {
    const served = await serveAdministered(MANY);
    await openMany(served.supervisor, 3);
    const { next } = await pageOf(served, 'limit=1&state=idle');
    expect((await served.told(`/sessions?cursor=${next}&state=active`)).status).toBe(400);
    expect((await pageOf(served, `cursor=${next}`)).sessions).toHaveLength(2);
  });

  test.each(['0', '1001', '-1', '1.5', 'x', ''])('limit=%s is refused', async (limit) => {
    const { told } = await serveAdministered();
    expect((await told(`/sessions?limit=${limit}`)).status).toBe(400);
  });

  test('is forgotten after 60 s, and when 16 younger ones are kept', async () => {
    let now = 0;
    const sessions = () => [1, 2, 3].map(infoOf)[Symbol.iterator]() as IterableIterator<SessionInfo>;
    const list = new SessionList(
      { sessions },
      new SessionRows({ revealIds: false, revealPrincipals: false }),
      () => now,
    );
    const first = async () => (await list.first(ALL, 1)).next ?? '';
    const oldest = await first();
    now = 59_999;
    const younger = await first();
    now = 60_000;
    expect(await list.next(oldest, 1)).toBe(undefined);
    expect(await list.next(younger, 1)).toBeDefined();
    const cursors: string[] = [];
    for (let n = 0; n < 17; n++) cursors.push(await first());
    expect(await list.next(cursors[0] as string, 1)).toBe(undefined);
    expect(await list.next(cursors[1] as string, 1)).toBeDefined();
  });
});

const infoOf = (n: number): SessionInfo => ({
  id: `session-${n}`,
  state: 'idle',
  inFlight: 0,
  calls: 0,
  openStreams: 0,
  createdAt: 0,
  lastActiveAt: 0,
  principal: `principal ${n}`,
  clientInfo: { name: 'a client', version: '1' },
  protocolVersion: '2025-11-25',
  epoch: 1,
  history: [],
});

describe('of 100 000 sessions', () => {
  function* many(): Generator<SessionInfo, void> {
    for (let n = 0; n < 100_000; n++) yield infoOf(n);
  }
  const listOf = () =>
    new SessionList({ sessions: many }, new SessionRows({ revealIds: false, revealPrincipals: false }));

  /** How often the event loop came round while something went on. */
  async function turnsOf(act: () => Promise<unknown>): Promise<number> {
    let turns = 0;
    let going = true;
    const turn = () => {
      turns++;
      if (going) setImmediate(turn);
    };
    setImmediate(turn);
    await act();
    going = false;
    return turns;
  }

  test('no page looks at more than 200 in one turn of the loop, not even one that finds nothing', async () => {
    const list = listOf();
    const nobody = { states: [], principal: 'nobody there' };
    expect(await turnsOf(() => list.first(nobody, 100))).toBeGreaterThanOrEqual(10_000 / 200);
    expect(await turnsOf(() => list.first(ALL, 1_000))).toBeGreaterThanOrEqual(1_000 / 200);
  });

  test('a page looks at 10 000 at most, and then goes on', async () => {
    const list = listOf();
    let page = await list.first({ states: [], principal: 'principal 99999' }, 10);
    let pages = 1;
    for (; page.next !== undefined && page.sessions.length === 0; pages++)
      page = (await list.next(page.next, 10)) as typeof page;
    expect([pages, page.sessions.length]).toEqual([10, 1]);
  });
});
