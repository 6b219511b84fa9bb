/** The JSON API: what can be seen of the sessions, and what can be done about them. Who asks has the token. */
import type { SessionState, SessionSupervisor } from '../index.ts';
import type { Asked, Changes } from './changes.ts';
import { refuse, sendJson } from './refusals.ts';
import { DEFAULT_ROWS, MOST_ROWS, type SessionList } from './sessionList.ts';
import type { SessionRows } from './sessionRows.ts';

const LIVE_STATES = ['initializing', 'restoring', 'active', 'idle'] as const satisfies readonly SessionState[];

export interface ApiOptions {
  readonly supervisor: Pick<SessionSupervisor, 'record' | 'stats' | 'readiness'>;
  readonly rows: SessionRows;
  readonly list: SessionList;
  readonly changes: Changes;
}

/** A request below the API, its target taken apart. */
interface Target {
  readonly name: string;
  readonly query: URLSearchParams;
}

interface Route {
  readonly path: RegExp;
  /** By method. HEAD is GET without its body. */
  readonly methods: Readonly<Record<string, (api: ApiOptions, asked: Asked, target: Target) => Promise<void> | void>>;
}

const ROUTES: readonly Route[] = [
  { path: /^\/stats$/, methods: { GET: showStats } },
  { path: /^\/sessions$/, methods: { GET: listSessions } },
  {
    path: /^\/sessions\/([^/]+)$/,
    methods: {
      GET: showSession,
      DELETE: ({ changes, rows }, asked, { name, query }) => changes.end(asked, rows.idOf(name), query.get('reason')),
    },
  },
  {
    path: /^\/sessions\/([^/]+)\/park$/,
    methods: { POST: ({ changes, rows }, asked, { name }) => changes.park(asked, rows.idOf(name)) },
  },
  { path: /^\/drain$/, methods: { POST: ({ changes }, asked) => changes.drain(asked) } },
];

/** Whether the API is what answers at a path. */
export function isOfApi(path: string): boolean {
  return ROUTES.some((route) => route.path.test(path));
}

/** Answers a request for what is of the API. */
export async function answerApi(api: ApiOptions, asked: Asked, { pathname, searchParams: query }: URL): Promise<void> {
  const route = ROUTES.find(({ path }) => path.test(pathname));
  const [, encoded = ''] = route?.path.exec(pathname) ?? [];
  const name = decoded(encoded);
  if (route === undefined || name === undefined) return refuse(asked.res, 'notFound');
  const { method = 'GET' } = asked.req;
  const wanted = method === 'HEAD' ? 'GET' : method;
  const answer = Object.hasOwn(route.methods, wanted) ? route.methods[wanted] : undefined;
  if (answer !== undefined) return answer(api, asked, { name, query });
  const allowed = Object.keys(route.methods).map((known) => (known === 'GET' ? 'GET, HEAD' : known));
  asked.res.setHeader('Allow', allowed.join(', '));
  refuse(asked.res, 'methodNotAllowed');
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

async function showStats({ supervisor }: ApiOptions, { res }: Asked): Promise<void> {
  sendJson(res, 200, { readiness: await supervisor.readiness(), stats: supervisor.stats() });
}

async function showSession({ supervisor, rows }: ApiOptions, { res }: Asked, { name }: Target): Promise<void> {
  const info = await supervisor.record(rows.idOf(name));
  if (info !== undefined) return sendJson(res, 200, rows.whole(info));
  // Where the store does not answer nothing is known of it, and whoever is told that it has ended would believe it.
  const { reasons } = await supervisor.readiness();
  refuse(res, reasons.includes('storeUnavailable') ? 'failed' : 'sessionNotFound');
}

async function listSessions({ list }: ApiOptions, { res }: Asked, { query }: Target): Promise<void> {
  const limit = limitOf(query.get('limit'));
  if (limit === undefined) return refuse(res, 'badLimit');
  const states = query.getAll('state');
  const principal = query.get('principal') ?? undefined;
  const cursor = query.get('cursor');
  if (cursor !== null) {
    if (states.length > 0 || principal !== undefined) return refuse(res, 'badCursor');
    const page = await list.next(cursor, limit);
    return page === undefined ? refuse(res, 'cursorGone') : sendJson(res, 200, page);
  }
  if (!states.every(isLive)) return refuse(res, 'badState', `state must be one of ${LIVE_STATES.join(', ')}`);
  sendJson(res, 200, await list.first({ states, principal }, limit));
}

function isLive(state: string): state is (typeof LIVE_STATES)[number] {
  return (LIVE_STATES as readonly string[]).includes(state);
}

function limitOf(text: string | null): number | undefined {
  if (text === null) return DEFAULT_ROWS;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MOST_ROWS ? limit : undefined;
}
