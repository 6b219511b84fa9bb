/** Attacks with what a supervisor is given from outside: slow servers, clients that leave, actors that are sent nonsense. */
import { setImmediate } from 'node:timers/promises';
import { SimulatedClock } from 'xstate';
import type { Attack, Kit, Subject } from './attacks.ts';

const IDLE = 60_000;

/** A clock that knows which timers are set. */
class CountingClock extends SimulatedClock {
  readonly pending = new Set<number>();

  override setTimeout(fn: () => void, ms: number): number {
    const id = super.setTimeout(() => {
      this.pending.delete(id);
      fn();
    }, ms);
    this.pending.add(id);
    return id;
  }

  override clearTimeout(id: number): void {
    this.pending.delete(id);
    super.clearTimeout(id);
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
}

function open({ createSessionSupervisor }: Subject, kit: Kit, clock: SimulatedClock) {
  const server = kit.createGatedServer();
  const supervisor = createSessionSupervisor({
    server: server.factory,
    clock,
    sessionIdleTimeout: IDLE,
    maxSessionLifetime: 100 * IDLE,
  });
  const send = async (body: object, headers: Record<string, string> = {}) => {
    const response = await supervisor.fetch(
      new Request('http://127.0.0.1/mcp', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers },
        body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      }),
    );
    await response.text();
    await turns();
    return response;
  };
  const initialize = async () => {
    const clientInfo = { name: 'fault', version: '1' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    return (await send({ id: 0, method: 'initialize', params })).headers.get('mcp-session-id') ?? '';
  };
  const ping = async (id: string) => (await send({ id: 1, method: 'ping' }, { 'Mcp-Session-Id': id })).status;
  return { supervisor, initialize, ping, server };
}

/** The session actors that there are, ended ones that nobody stopped included. */
function actorsOf(supervisor: ReturnType<Subject['createSessionSupervisor']>): number {
  const partitions = Object.values(supervisor.actor.getSnapshot().children);
  return partitions.reduce((sum, partition) => sum + Object.keys(partition?.getSnapshot().children ?? {}).length, 0);
}

/** What a session can only fail at. */
const BAD_END = {
  type: 'TERMINATE' as const,
  get reason(): 'terminated' {
    throw new Error('poison');
  },
};

/** A session actor that fails ends as crashed, and all else goes on. */
const failingSession: Attack = {
  name: 'a session that fails',
  async run(kit, subject) {
    const clock = new CountingClock();
    const { supervisor, initialize, ping } = open(subject, kit, clock);
    const reasons: unknown[] = [];
    supervisor.on('session.terminated', ({ reason }) => reasons.push(reason));
    const healthy = await initialize();
    const failing = await initialize();
    const [partition] = Object.values(supervisor.actor.getSnapshot().children);
    const actors = Object.values(partition?.getSnapshot().children ?? {});
    actors.find((actor) => actor?.getSnapshot().context.sessionId === failing)?.send(BAD_END);
    await turns();
    if (reasons.join() !== 'crashed') return `reasons: ${reasons.join()}`;
    if ((await ping(failing)) !== 404) return 'the failed session still answers';
    if ((await ping(healthy)) !== 200) return 'a healthy session does not answer';
    if (actorsOf(supervisor) !== 1) return `${actorsOf(supervisor)} actors of 1 session`;
    if (clock.pending.size !== 2) return `${clock.pending.size} timers instead of idle timeout and lifetime`;
    for (let n = 0; n < 63; n++) await initialize();
    const { children } = supervisor.actor.getSnapshot();
    if (Object.keys(children).length !== 1) return 'a slot was not freed';
    await supervisor.drain();
    return undefined;
  },
};

/** A drain waits as long as it was told to, ends what is left, and stops the supervisor. */
const drains: Attack = {
  name: 'a drain with a time of its own',
  async run(kit, subject) {
    const clock = new SimulatedClock();
    const { supervisor, initialize } = open(subject, kit, clock);
    const call = supervisor.fetch(toolCall(await initialize()));
    await turns();
    let over = false;
    const drained = supervisor.drain({ timeout: 500 }).then(() => {
      over = true;
    });
    await turns();
    clock.increment(499);
    await turns();
    if (over) return 'the drain did not wait';
    clock.increment(1);
    await turns();
    if (!(await (await call).text()).includes('drained')) return 'the call was not ended';
    await turns();
    if (!over) return 'the drain waited longer than it was told to';
    await drained;
    const { status, value } = supervisor.actor.getSnapshot();
    return status === 'done' && value === 'stopped' ? undefined : `the supervisor is ${String(value)} (${status})`;
  },
};

/** An initialize whose body comes when a drain has begun is told of that, and asks the embedder for no id. */
const lateInitialize: Attack = {
  name: 'an initialize that comes late for a drain',
  async run(kit, { createSessionSupervisor }) {
    let ids = 0;
    const server = kit.createGatedServer();
    const supervisor = createSessionSupervisor({
      server: server.factory,
      clock: new SimulatedClock(),
      maxSessions: 1,
      sessionIdGenerator: () => `id-${++ids}`,
    });
    const opened = await supervisor.fetch(initializeRequest());
    await opened.text();
    const call = supervisor.fetch(toolCall(opened.headers.get('mcp-session-id') ?? ''));
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const { body, headers } = initializeRequest();
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers, body: readable, duplex: 'half' };
    const late = supervisor.fetch(new Request('http://127.0.0.1/mcp', init));
    await turns();
    const drained = supervisor.drain();
    await body?.pipeTo(writable);
    const refused = await (await late).text();
    server.release('fault');
    await (await call).text();
    await drained;
    if (ids !== 1) return 'an id was made for a session that can not be';
    return refused.includes('shutting down') ? undefined : `it is told: ${refused}`;
  },
};

/** A drain waits for what servers do when they are closed, for the last of them. */
const cleanups: Attack = {
  name: 'a drain and a slow cleanup',
  async run(kit, { createSessionSupervisor }) {
    const server = kit.createGatedServer();
    let cleaned = () => {};
    let servers = 0;
    const supervisor = createSessionSupervisor({
      server: async (context) => ({
        ...(await server.factory(context)),
        cleanup: servers++ === 0 ? () => new Promise<void>((resolve) => (cleaned = resolve)) : () => {},
      }),
      clock: new SimulatedClock(),
    });
    for (let n = 0; n < 2; n++) await (await supervisor.fetch(initializeRequest())).text();
    let over = false;
    const drained = supervisor.drain().then(() => {
      over = true;
    });
    await turns();
    if (over) return 'the drain did not wait';
    cleaned();
    await drained;
    return undefined;
  },
};

/** When the time of a drain is up, the supervisor has stopped when its servers are closed, and not before. */
const lastCleanup: Attack = {
  name: 'the end of a drain and a slow cleanup',
  async run(kit, { createSessionSupervisor }) {
    const clock = new SimulatedClock();
    const server = kit.createGatedServer();
    let cleaned = () => {};
    const cleanup = () => new Promise<void>((resolve) => (cleaned = resolve));
    const factory = async (context: Parameters<typeof server.factory>[0]) => ({
      ...(await server.factory(context)),
      cleanup,
    });
    const supervisor = createSessionSupervisor({ server: factory, clock });
    const opened = await supervisor.fetch(initializeRequest());
    await opened.text();
    const call = supervisor.fetch(toolCall(opened.headers.get('mcp-session-id') ?? ''));
    await turns();
    const drained = supervisor.drain({ timeout: 500 });
    await turns();
    clock.increment(500);
    await turns();
    const { value } = supervisor.actor.getSnapshot();
    await (await call).text();
    cleaned();
    await drained;
    return value === 'draining' ? undefined : `the supervisor is ${String(value)} while a server is being closed`;
  },
};

/** A call whose client is gone does not hold a drain, whether it left before or left then. */
const orphan = (leavesFirst: boolean): Attack => ({
  name: leavesFirst ? 'a drain after a client left' : 'a drain in which a client leaves',
  async run(kit, subject) {
    const { supervisor, initialize } = open(subject, kit, new SimulatedClock());
    const call = await supervisor.fetch(toolCall(await initialize()));
    await turns();
    if (leavesFirst) await call.body?.cancel();
    let over = false;
    void supervisor.drain().then(() => {
      over = true;
    });
    await turns();
    if (!leavesFirst) await call.body?.cancel();
    await turns();
    return over ? undefined : 'the drain waits for nobody';
  },
});

/** A server that refuses the initialize leaves no session, and takes no slot. */
const refusal: Attack = {
  name: 'an initialize that is refused',
  async run(_, { createSessionSupervisor }) {
    const supervisor = createSessionSupervisor({ server: refusingServer, clock: new SimulatedClock() });
    const response = await supervisor.fetch(initializeRequest());
    await response.text();
    await turns();
    if (response.headers.has('mcp-session-id')) return 'the answer has an id';
    return [...supervisor.sessions()].length === 0 ? undefined : 'the session is still there';
  },
};

interface Wire {
  onmessage?: (message: { id?: number }) => void;
  start(): Promise<void>;
  send(message: object): Promise<void>;
  close(): Promise<void>;
}

function refusingServer() {
  let wire: Wire | undefined;
  return {
    async connect(to: Wire) {
      wire = to;
      const error = { code: -32600, message: 'not you' };
      to.onmessage = ({ id }) => void to.send({ jsonrpc: '2.0', id, error });
      await to.start();
    },
    close: async () => wire?.close(),
  };
}

function initializeRequest(): Request {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'fault', version: '1' } };
  return new Request('http://127.0.0.1/mcp', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  });
}

/** Slots are used again, and what has ended is no child any more, and has no timer. */
const slots: Attack = {
  name: 'slots and children',
  async run(kit, subject) {
    const clock = new CountingClock();
    const { supervisor, initialize } = open(subject, kit, clock);
    for (let n = 0; n < 200; n++) {
      const id = await initialize();
      if (!(await supervisor.terminate(id))) return 'a session could not be ended';
      if (actorsOf(supervisor) !== 0) return `${actorsOf(supervisor)} actors of no session`;
    }
    if (clock.pending.size > 0) return `${clock.pending.size} timers of no session`;
    const { children } = supervisor.actor.getSnapshot();
    if (Object.keys(children).length !== 1) return `${Object.keys(children).length} partitions of no session`;
    return undefined;
  },
};

/** What a partition can only fail at. */
const POISON = {
  type: 'SPAWN' as const,
  get slot(): string {
    throw new Error('poison');
  },
  input: { sessionId: 'x', timeouts: { initializeTimeout: null, sessionIdleTimeout: null, maxSessionLifetime: null } },
};

/** A partition that fails takes its sessions along, and nobody else, whatever the supervisor is doing. */
const failingPartition = (draining: boolean): Attack => ({
  name: draining ? 'a partition that fails in a drain' : 'a partition that fails',
  async run(kit, subject) {
    const { supervisor, initialize, ping, server } = open(subject, kit, new SimulatedClock());
    const survivor = await initialize();
    let victim = '';
    for (let n = 0; n < 64; n++) victim = await initialize();
    const call = supervisor.fetch(toolCall(survivor));
    await turns();
    const drained = draining ? supervisor.drain() : undefined;
    await turns();
    const before = supervisor.actor.getSnapshot().value;
    Object.values(supervisor.actor.getSnapshot().children).at(-1)?.send(POISON);
    await turns();
    const { value } = supervisor.actor.getSnapshot();
    if (value !== before) return `the supervisor is ${String(value)}, and was ${String(before)}`;
    if (!draining && (await ping(victim)) !== 404) return 'a session of the partition still answers';
    if (!draining && (await ping(survivor)) !== 200) return 'a session of another partition does not answer';
    server.release('fault');
    if (!(await (await call).text()).includes('released')) return 'a call of another partition was not answered';
    await drained;
    return undefined;
  },
});

function toolCall(id: string): Request {
  const params = { name: 'hold', arguments: { key: 'fault' } };
  return new Request('http://127.0.0.1/mcp', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'Mcp-Session-Id': id,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params }),
  });
}

const drainingGenerator: Attack = {
  name: 'a generator of ids that drains',
  async run(kit, { createSessionSupervisor }) {
    const supervisor = createSessionSupervisor({
      server: kit.createGatedServer().factory,
      clock: new SimulatedClock(),
      sessionIdGenerator: () => {
        void supervisor.drain();
        return 'late';
      },
    });
    const ended: string[] = [];
    supervisor.on('session.terminated', ({ session }) => ended.push(session.id));
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'fault', version: '1' } };
    const response = await supervisor.fetch(
      new Request('http://127.0.0.1/mcp', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
      }),
    );
    await response.text();
    await turns();
    if (response.status !== 503) return `the initialize is answered ${response.status}`;
    return ended.length > 0 ? 'a session came to be in a drain' : undefined;
  },
};

export const FAULT_ATTACKS: readonly Attack[] = [
  drainingGenerator,
  slots,
  drains,
  lateInitialize,
  cleanups,
  lastCleanup,
  orphan(true),
  orphan(false),
  refusal,
  failingSession,
  failingPartition(false),
  failingPartition(true),
];
