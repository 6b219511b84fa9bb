/** Sessions over the lives of their processes, and one whose record can't be written for a while. */
import { setImmediate } from 'node:timers/promises';
import type { SessionContext, SessionStore } from 'mcp-session-supervisor';
import { SimulatedClock } from 'xstate';
import type { Attack } from './attacks.ts';

const SEEDS = 60;

export const RESTART_ATTACKS: readonly Attack[] = Array.from({ length: SEEDS }, (_, index) => ({
  name: `restarts, seed ${index + 1}`,
  async run(kit, { createSessionSupervisor: create }) {
    await kit.simulateRestarts({ seed: index + 1, create });
    return undefined;
  },
}));

interface Wire {
  onmessage?: (message: { readonly id?: number; readonly method?: string }) => void;
  send(message: object): Promise<void>;
  close(): Promise<void>;
}

/** A server that sets its state with each call. */
function serverOf({ state }: SessionContext) {
  let wire: Wire | undefined;
  return {
    async connect(to: Wire) {
      wire = to;
      to.onmessage = ({ id, method }) => {
        if (id === undefined) return;
        if (method !== 'initialize') state?.set('calls', id);
        const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'a', version: '1' } };
        void to.send({ jsonrpc: '2.0', id, result }).catch(() => {});
      };
    },
    close: async () => wire?.close(),
  };
}

/** What can't be stored is answered with an error, and the incarnation goes: the next call has the session back. */
export const WRITE_ATTACK: Attack = {
  name: 'a record that can’t be written',
  async run(_, { createMemorySessionStore, createSessionSupervisor }) {
    const clock = new SimulatedClock();
    const memory = createMemorySessionStore();
    let fails = false;
    const update: SessionStore['update'] = (...all) =>
      fails ? Promise.reject(new Error('the disk is full')) : memory.update(...all);
    const sessionStore = new Proxy(memory, {
      get: (target, name) => {
        if (name === 'update') return update;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const supervisor = createSessionSupervisor({
      server: serverOf,
      clock,
      sessionStore,
      enableJsonResponse: true,
      logger: () => {},
    });
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
    const post = (message: object, id?: string | null) =>
      supervisor.fetch(
        new Request('http://127.0.0.1/mcp', {
          method: 'POST',
          headers: {
            accept: 'application/json, text/event-stream',
            'content-type': 'application/json',
            ...(id && { 'mcp-session-id': id }),
          },
          body: JSON.stringify({ jsonrpc: '2.0', ...message }),
        }),
      );
    const opened = await post({ id: 0, method: 'initialize', params });
    const id = opened.headers.get('mcp-session-id');
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    fails = true;
    let accepted: number | undefined;
    void post({ method: 'notifications/initialized' }, id).then(({ status }) => {
      accepted = status;
    });
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    if (accepted === 202) return 'a notification is accepted before it is stored';
    const failing = post({ id: 1, method: 'call' }, id);
    for (let step = 0; step < 120; step++) {
      await setImmediate();
      clock.increment(50);
    }
    const refused = (await (await failing).json()) as { error?: unknown };
    if (refused.error === undefined) return 'a call is answered whose state is not stored';
    fails = false;
    const again = post({ id: 2, method: 'call' }, id);
    for (let step = 0; step < 20; step++) {
      await setImmediate();
      clock.increment(1);
    }
    const answered = (await (await again).json()) as { result?: unknown };
    return answered.result === undefined ? 'a session whose record could not be written does not come back' : undefined;
  },
};
