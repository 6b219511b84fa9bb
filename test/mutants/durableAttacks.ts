/**
 * Attacks on sessions that outlive their servers, each a short scene: processes on simulated clocks over one store, whose
 * operations the scene can hold, and fail.
 */
import { setImmediate } from 'node:timers/promises';
import type { SessionContext, SessionStore, SessionSupervisorOptions } from 'mcp-session-supervisor';
import { SimulatedClock } from 'xstate';
import type { Attack, Kit, Subject } from './attacks.ts';

const IDLE = 600_000;
const PARK = 60_000;
/** How often a live session writes down that it was active: so much later than its idle timeout it may end. */
const WRITTEN_EVERY = 30_000;

type Operation = 'claim' | 'load' | 'remove' | 'update';

/** What a store's operations have to pass before they take effect, by their names. */
type Gates = Partial<Record<Operation, () => Promise<unknown>>>;

/** A gate that is shut until it is opened. */
class Gate {
  open = () => {};
  /** How many have come to it. */
  came = 0;
  readonly #opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  readonly pass = (): Promise<void> => {
    this.came++;
    return this.#opened;
  };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

/** What can't come any more would be waited for in vain: the answer, or undefined when it has not come by now. */
async function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  let got: T | undefined;
  promise.then(
    (value) => (got = value),
    () => {},
  );
  await turns();
  return got;
}

function gated(memory: SessionStore, gates: Gates): SessionStore {
  const after =
    <A extends unknown[], R>(name: Operation, operate: (...all: A) => Promise<R>) =>
    async (...all: A): Promise<R> => {
      await gates[name]?.();
      return operate(...all);
    };
  return {
    durable: false,
    counts: memory.counts,
    create: (...all) => memory.create(...all),
    load: after('load', (id) => memory.load(id)),
    claim: after('claim', (...all) => memory.claim(...all)),
    update: after('update', (...all) => memory.update(...all)),
    park: (...all) => memory.park(...all),
    remove: after('remove', (...all) => memory.remove(...all)),
    expired: (...all) => memory.expired(...all),
    count: () => memory.count(),
    countOf: (principal) => memory.countOf(principal),
    close: async () => {},
  };
}

interface Wire {
  onmessage?: (message: { readonly id?: number; readonly method?: string }) => void;
  send(message: object): Promise<void>;
  close(): Promise<void>;
}

const INITIALIZED = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'a', version: '1' } };

const SAID = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'said' } };

/** A server that answers everything but `hang`, sets its state with each `count`, and speaks by itself when asked to `say`. */
function serverOf({ state }: SessionContext) {
  let wire: Wire | undefined;
  return {
    async connect(to: Wire) {
      wire = to;
      to.onmessage = ({ id, method }) => {
        if (id === undefined || method === 'hang') return;
        if (method === 'count') state?.set('count', id);
        if (method === 'say') void to.send(SAID).catch(() => {});
        void to.send({ jsonrpc: '2.0', id, result: method === 'initialize' ? INITIALIZED : {} }).catch(() => {});
      };
    },
    close: async () => wire?.close(),
  };
}

interface ProcessOptions extends Partial<Omit<SessionSupervisorOptions, 'server'>> {
  /** What its clock says when it starts. */
  readonly at?: number;
}

/** Processes over one store. */
class Scene {
  readonly gates: Gates = {};
  readonly store: SessionStore;
  readonly eventStore: ReturnType<Subject['createMemoryEventStore']>;
  readonly #subject: Subject;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.store = gated(subject.createMemorySessionStore(), this.gates);
    this.eventStore = subject.createMemoryEventStore();
  }

  readonly start = (options: ProcessOptions = {}): Process => new Process(this.#subject, this.store, options);
}

class Process {
  readonly clock = new SimulatedClock();
  /** How many servers were built. */
  built = 0;
  /** Ids of sessions whose end was told, each time. */
  readonly ended: string[] = [];
  readonly #supervisor: ReturnType<Subject['createSessionSupervisor']>;

  constructor(
    { createSessionSupervisor }: Subject,
    sessionStore: SessionStore,
    { at = 0, ...options }: ProcessOptions,
  ) {
    this.clock.set(at);
    this.#supervisor = createSessionSupervisor({
      server: (context) => {
        this.built++;
        return serverOf(context);
      },
      clock: this.clock,
      sessionStore,
      sessionIdleTimeout: IDLE,
      parkAfter: PARK,
      keepAliveInterval: Number.POSITIVE_INFINITY,
      enableJsonResponse: true,
      logger: () => {},
      ...options,
    });
    this.#supervisor.on('session.terminated', ({ session }) => this.ended.push(session.id));
  }

  /** Its clock goes on, in steps of 500 ms. */
  async pass(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 500) {
      this.clock.increment(500);
      await turns(3);
    }
  }

  request(method: string, id?: string | null, body?: object): Promise<Response> {
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    return this.#supervisor.fetch(
      new Request('http://127.0.0.1/mcp', {
        method,
        headers: { ...headers, ...(id && { 'mcp-session-id': id }) },
        ...(body !== undefined && { body: JSON.stringify({ jsonrpc: '2.0', ...body }) }),
      }),
    );
  }

  ask(id: string, method: string): Promise<Response> {
    return this.request('POST', id, { id: 1, method });
  }

  terminate(id: string): Promise<boolean> {
    return this.#supervisor.terminate(id);
  }

  record(id: string): Promise<unknown> {
    return this.#supervisor.record(id);
  }

  drain(): Promise<void> {
    return this.#supervisor.drain();
  }

  /** Opens a session; resolves to its id. */
  async open(): Promise<string> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
    const opened = await this.request('POST', undefined, { id: 0, method: 'initialize', params });
    const id = opened.headers.get('mcp-session-id') ?? '';
    await opened.text();
    await (await this.request('POST', id, { method: 'notifications/initialized' })).text();
    await turns();
    return id;
  }

  /** Opens a session, and parks it. */
  async openParked(): Promise<string> {
    const id = await this.open();
    await this.pass(PARK);
    return id;
  }
}

function scene(name: string, run: (scene: Scene) => Promise<string | undefined>): Attack {
  return { name, run: (_: Kit, subject) => run(new Scene(subject)) };
}

export const DURABLE_ATTACKS: readonly Attack[] = [
  scene('a request while an end is written', async ({ gates, start }) => {
    const process = start();
    const id = await process.openParked();
    const gate = new Gate();
    gates.remove = gate.pass;
    const deleted = process.request('DELETE', id);
    await turns();
    if (gate.came !== 1) return `${gate.came} removals of a session that is ended`;
    const pinged = process.ask(id, 'ping');
    const early = await soon(pinged);
    if (early !== undefined) return `it is answered ${early.status} before the end is written`;
    gate.open();
    const statuses = [(await soon(deleted))?.status, (await soon(pinged))?.status].join();
    return statuses === '200,404' ? undefined : `DELETE and ping are answered ${statuses}`;
  }),
  scene('two requests for a parked session', async ({ gates, start }) => {
    const process = start();
    const id = await process.openParked();
    const gate = new Gate();
    gates.claim = gate.pass;
    const first = process.ask(id, 'ping');
    await turns();
    const second = process.ask(id, 'ping');
    await turns();
    if (gate.came !== 1) return `it is claimed ${gate.came} times`;
    gate.open();
    const statuses = [(await soon(first))?.status, (await soon(second))?.status].join();
    if (statuses !== '200,200') return `they are answered ${statuses}`;
    return process.built === 2 ? undefined : `${process.built} servers for two incarnations`;
  }),
  scene('an eviction of what could not be removed', async ({ gates, start }) => {
    const process = start({ maxParkedSessions: 1 });
    const id = await process.openParked();
    gates.remove = () => Promise.reject(new Error('the disk is full'));
    const ended = process.terminate(id).catch(({ code }) => code);
    await process.pass(6_000);
    if ((await soon(ended)) !== 'STORE_FAILED') return 'an end is done that is not stored';
    await process.openParked();
    delete gates.remove;
    await process.pass(2_000);
    const told = process.ended.filter((one) => one === id).length;
    return told === 1 ? undefined : `its end is told ${told} times`;
  }),
  scene('a write of an incarnation that another has followed', async ({ start }) => {
    const first = start();
    const id = await first.open();
    const second = start();
    if ((await second.ask(id, 'ping')).status !== 200) return 'the session is not brought back';
    const late = await soon(first.ask(id, 'count').then((response) => response.text()));
    return late?.includes('"error"') ? undefined : `what was not stored is answered: ${late}`;
  }),
  scene('the end of an incarnation that another has followed', async ({ start }) => {
    const first = start();
    const id = await first.open();
    const second = start();
    if ((await second.ask(id, 'ping')).status !== 200) return 'the session is not brought back';
    const deleted = (await soon(first.request('DELETE', id)))?.status;
    const later = (await soon(start().ask(id, 'ping')))?.status;
    if (first.ended.length !== 1) return `its end is told ${first.ended.length} times`;
    return deleted === 200 && later === 404
      ? undefined
      : `DELETE is answered ${deleted}, and a request after it ${later}`;
  }),
  scene('a kill in a call that takes longer than the idle timeout', async ({ start }) => {
    const first = start();
    const id = await first.open();
    void first.ask(id, 'hang').catch(() => {});
    await first.pass(IDLE + 60_000);
    // Nothing is asked of the first one any more.
    const pinged = (await soon(start({ at: first.clock.now() + 1 }).ask(id, 'ping')))?.status;
    return pinged === 200 ? undefined : `the session is answered ${pinged}, which was active until then`;
  }),
  scene('a look at the record of a session that is brought back after its time', async ({ gates, start }) => {
    const id = await start().open();
    const process = start({ at: IDLE + WRITTEN_EVERY - 1_000 });
    const gate = new Gate();
    gates.claim = gate.pass;
    const pinged = process.ask(id, 'ping');
    await turns();
    await process.pass(2_000);
    await process.record(id);
    gate.open();
    const status = (await soon(pinged))?.status;
    return status === 200 ? undefined : `the session is answered ${status}, which was asked for in time`;
  }),
  scene('a drain while an end is written', async ({ gates, start }) => {
    const process = start();
    const id = await process.openParked();
    const gate = new Gate();
    gates.remove = gate.pass;
    const ended = process.terminate(id);
    await turns();
    const drained = process.drain().then(() => 'drained');
    if ((await soon(drained)) !== undefined) return 'it is over, and the store is not through';
    gate.open();
    await soon(ended);
    return (await soon(drained)) === undefined ? 'it does not come to an end' : undefined;
  }),
  scene('a server that speaks before its client is back', async ({ eventStore, start }) => {
    const id = await start({ eventStore }).open();
    const process = start({ eventStore });
    await (await process.ask(id, 'say')).text();
    const reader = (await process.request('GET', id)).body?.getReader();
    let text = '';
    for (let n = 0; n < 4 && !text.includes('said'); n++) {
      const piece = reader && (await soon(reader.read()));
      text += piece?.value === undefined ? '' : Buffer.from(piece.value).toString();
    }
    await reader?.cancel();
    return text.includes('said') ? undefined : `its client hears ${JSON.stringify(text)}`;
  }),
];
