/** Attacks on what is too large, or too far out, for a simulation: bounds in thousands, identities, aborted readers. */
import { setImmediate } from 'node:timers/promises';
import type { ServerWithCleanup } from 'mcp-session-supervisor';
import type { Attack, Kit, Subject } from './attacks.ts';

const HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

/** Handlers that one session may have running, as docs/limits.md says. */
const MAX_CALLS = 4_096;

function requests() {
  const post = (body: object, sessionId?: string, init: RequestInit = {}) =>
    new Request('http://127.0.0.1/mcp', {
      method: 'POST',
      headers: { ...HEADERS, ...(sessionId !== undefined && { 'Mcp-Session-Id': sessionId }) },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      ...init,
    });
  const initialize = () => {
    const clientInfo = { name: 'edge', version: '1' };
    return post({
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo },
    });
  };
  return { post, initialize };
}

function open({ createSessionSupervisor }: Subject, kit: Kit) {
  const supervisor = createSessionSupervisor({ server: kit.createGatedServer().factory, logger: () => {} });
  const { post, initialize } = requests();
  const begin = async () => {
    const response = await supervisor.fetch(initialize());
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  };
  return { supervisor, post, initialize, begin };
}

/** An id whose answer its client waits for can't mean two calls; once it is answered it can be used again. */
const twoOfOneId: Attack = {
  name: 'two calls of one id',
  async run(kit, { createSessionSupervisor }) {
    const server = kit.createGatedServer();
    const supervisor = createSessionSupervisor({ server: server.factory, logger: () => {} });
    const { post, initialize } = requests();
    const opened = await supervisor.fetch(initialize());
    await opened.text();
    const id = opened.headers.get('mcp-session-id') ?? '';
    const call = () =>
      supervisor.fetch(post({ id: 7, method: 'tools/call', params: { name: 'hold', arguments: { key: 'edge' } } }, id));
    const first = await call();
    const second = await call();
    if (second.status !== 400) return `the second gets ${second.status}`;
    server.release('edge');
    if (!(await first.text()).includes('released')) return 'the first was not answered';
    const third = await call();
    if (third.status !== 200) return `one after the answer gets ${third.status}`;
    await third.body?.cancel();
    await supervisor.drain({ timeout: 0 });
    return undefined;
  },
};

/** Calls whose clients leave at once, and whose handlers run on. */
const runningCalls: Attack = {
  name: 'more handlers than may run',
  async run(kit, subject) {
    const { supervisor, post, begin } = open(subject, kit);
    const id = await begin();
    for (let call = 1; call <= MAX_CALLS + 1; call++) {
      const left = new AbortController();
      const params = { name: 'hold', arguments: { key: 'edge' } };
      const answered = supervisor.fetch(post({ id: call, method: 'tools/call', params }, id, { signal: left.signal }));
      const response = await answered;
      left.abort();
      if (response.status === 429) {
        void supervisor.drain({ timeout: 0 });
        return call > MAX_CALLS ? undefined : `call ${call} is refused`;
      }
    }
    return `${MAX_CALLS + 1} handlers run in one session`;
  },
};

/** Servers whose cleanup hangs while new sessions come: twice `maxSessions` may be alive, and no more. */
const closingServers: Attack = {
  name: 'more servers than may be alive',
  async run(kit, { createSessionSupervisor }) {
    const { factory } = kit.createGatedServer();
    let alive = 0;
    const supervisor = createSessionSupervisor({
      maxSessions: 2,
      logger: () => {},
      server: async (context) => {
        alive++;
        const { server } = (await factory(context)) as ServerWithCleanup;
        return { server, cleanup: () => new Promise<void>(() => {}) };
      },
    });
    const { initialize } = requests();
    for (let n = 0; n < 10; n++) await (await supervisor.fetch(initialize())).text();
    void supervisor.drain({ timeout: 0 });
    return alive > 4 ? `${alive} servers are alive` : undefined;
  },
};

/** Whoever authenticated somebody in a shape that is none of the SDK's must not have let them in as nobody. */
const identity: Attack = {
  name: 'an identity that is not understood',
  async run(kit, subject) {
    const { supervisor, initialize } = open(subject, kit);
    const authInfo = { sub: 'somebody', iat: 1 } as never;
    const { status } = await supervisor.fetch(initialize(), { authInfo });
    return status === 403 ? undefined : `is answered ${status}`;
  },
};

/** A reader of a GET stream whose request is aborted has to hear of it. */
const abortedReader: Attack = {
  name: 'a reader whose request is aborted',
  async run(kit, subject) {
    const { supervisor, begin } = open(subject, kit);
    const left = new AbortController();
    const headers = { ...HEADERS, 'Mcp-Session-Id': await begin() };
    const response = await supervisor.fetch(new Request('http://127.0.0.1/mcp', { headers, signal: left.signal }));
    const reader = response.body?.getReader();
    const over = (async () => {
      for (;;) if ((await reader?.read().catch(() => undefined))?.done !== false) return true;
    })();
    await setImmediate();
    left.abort();
    const turns = async () => {
      for (let turn = 0; turn < 100; turn++) await setImmediate();
      return false;
    };
    return (await Promise.race([over, turns()])) ? undefined : 'waits for what cannot come';
  },
};

export const EDGE_ATTACKS: readonly Attack[] = [identity, abortedReader, twoOfOneId, closingServers, runningCalls];
