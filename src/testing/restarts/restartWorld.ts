/**
 * Sessions over several lives of their server: processes that are killed, drained or replaced at any moment, one store
 * that all of them have, clients that know what was acknowledged to them. One schedule decides who goes on when.
 */
import {
  createSessionSupervisor,
  type SessionContext,
  type SessionSupervisor,
  type SessionSupervisorOptions,
} from '../../index.ts';
import { AwaitPoints } from '../simulation/awaitPoints.ts';
import { SimulationClock } from '../simulation/simulationClock.ts';
import { CountingServer } from './countingServer.ts';
import { type Life, SharedStore } from './gatedStore.ts';
import { type Known, knownSession, type Process, type Request } from './known.ts';

export type Create = (options: SessionSupervisorOptions) => SessionSupervisor;

const IDLE = 60_000;
const INITIALIZE = 20_000;
const MAX_SESSIONS = 3;
const PARK_AFTER = 5_000;
/** How much later than its idle timeout a session may end that was killed. */
const SLACK = 31_000;
const PRINCIPALS = ['ann', 'bob', undefined];

export class RestartWorld {
  readonly clock = new SimulationClock();
  readonly points = new AwaitPoints();
  readonly store = new SharedStore(this.points);
  readonly sessions: Known[] = [];
  readonly requests: Request[] = [];
  readonly trace: string[] = [];
  /** How the factory behaves. */
  factory: 'works' | 'waits' | 'fails' = 'works';
  broken: string | undefined;
  /** Nothing fails any more, and every session that lives answers. */
  strict = false;
  process: Process;
  readonly #processes: Process[] = [];
  readonly #parks: boolean;
  #count = 0;

  readonly #create: Create;

  constructor(settings: number, create: Create = createSessionSupervisor) {
    this.#create = create;
    this.#parks = (settings & 1) !== 0;
    this.process = this.#start();
  }

  // --- the schedule

  open(client: number): void {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: `c${client}`, version: '1' },
    };
    this.#send(client, undefined, 'initialize', { id: 0, method: 'initialize', params });
  }

  ask(
    known: Known,
    what: 'count' | 'count slowly' | 'initialized' | 'level' | 'told' | 'cancel',
    as = known.owner,
  ): void {
    if (as === known.owner && what.startsWith('count')) known.attempts++;
    const id = ++this.#count;
    const messages = {
      count: { id, method: 'count' },
      'count slowly': { id, method: 'count slowly' },
      told: { id, method: 'told' },
      initialized: { method: 'notifications/initialized' },
      level: { id, method: 'logging/setLevel', params: { level: `level${id}` } },
      cancel: { method: 'notifications/cancelled', params: { requestId: 77_777 } },
    };
    this.#send(as, known, what, messages[what]);
  }

  delete(known: Known, as = known.owner): void {
    if (as === known.owner) {
      known.ending = true;
      known.asked = true;
    }
    this.#send(as, known, 'delete', undefined);
  }

  terminate(known: Known): void {
    known.ending = true;
    known.asked = true;
    const { process } = this;
    void process.supervisor.terminate(known.id).then(
      (ended) => {
        if (ended && !process.dead) known.deleted = true;
      },
      (error: { code?: unknown }) => {
        if (error.code !== 'STORE_FAILED') this.break(`terminate of ${known.id} rejects: ${error}`);
      },
    );
  }

  kill(): void {
    const { process } = this;
    process.dead = true;
    this.note(`${process.name} is killed`);
    for (const request of this.requests) {
      if (request.life !== process || !request.open) continue;
      request.open = false; // its connection is gone
      request.stop.abort();
    }
    for (const point of [...this.points.waiting]) if (point.owner === process) point.release();
    this.process = this.#start();
  }

  /** Another process takes over, while this one goes on for a while. */
  replace(): void {
    this.note(`${this.process.name} is replaced`);
    this.process.draining = true;
    const { process } = this;
    void process.supervisor.drain().then(() => {
      process.drained = true;
    });
    this.process = this.#start();
  }

  /** Something of it waits for the schedule. */
  #waits(id: string): boolean {
    return this.points.waiting.some(({ what }) => what.includes(id));
  }

  /** Whoever is drained is through with it, and has nothing left. */
  checkDrains(): void {
    for (const { dead, drained, draining, name, supervisor } of this.#processes) {
      if (!draining || dead) continue;
      if (!drained) return this.break(`the drain of ${name} does not come to an end`);
      for (const { id } of supervisor.sessions()) this.break(`${id} is left in ${name}`);
    }
  }

  async settle(): Promise<void> {
    for (let n = 0; n < 12; n++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** What is brought back is back in time, or given up. */
  check(): void {
    const { supervisor } = this.process;
    const sessions = [...supervisor.sessions()];
    if (sessions.length > MAX_SESSIONS) this.break(`${sessions.length} sessions live, more than ${MAX_SESSIONS}`);
    for (const { id, lastActiveAt, state } of sessions) {
      if (state === 'active' && supervisor.server(id) === undefined) this.break(`${id} is active without a server`);
      if (this.#parks && state === 'idle' && this.clock.now() > lastActiveAt + PARK_AFTER && !this.#waits(id))
        this.break(`${id} is idle, and not parked`);
      const late = state === 'restoring' && this.clock.now() > lastActiveAt + INITIALIZE;
      if (late) this.break(`${id} is being brought back for ${this.clock.now() - lastActiveAt} ms`);
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.clock.step(until)) await this.settle();
  }

  note(line: string): void {
    this.trace.push(`${this.clock.now()}: ${line}`);
  }

  break(what: string): void {
    this.note(`BROKEN: ${what}`);
    this.broken ??= what;
  }

  // --- within

  #start(): Process {
    const life: Life = { name: `p${this.#processes.length + 1}`, dead: false };
    const clock = {
      now: () => this.clock.now(),
      setTimeout: (fn: () => void, ms: number) => this.clock.setTimeout(() => life.dead || fn(), ms),
      clearTimeout: (id: number | undefined) => this.clock.clearTimeout(id),
    };
    let ids = 0;
    const supervisor = this.#create({
      server: (context) => this.#build(life, context),
      sessionStore: this.store.for(life, true),
      sessionIdleTimeout: IDLE,
      ...(this.#parks && { parkAfter: PARK_AFTER }),
      initializeTimeout: INITIALIZE,
      maxSessions: MAX_SESSIONS,
      enableJsonResponse: true,
      principal: ({ headers }) => headers['x-principal'] as string | undefined,
      sessionIdGenerator: () => `${life.name}-${++ids}`,
      clock,
      logger: ({ level, event, message, error }) => {
        const unexpected = ['request.failed', 'supervisor.failed', 'listener.failed'].includes(event);
        if (!life.dead && unexpected) this.break(`${level} ${message}: ${String(error)}`);
      },
    });
    supervisor.on('session.terminated', ({ session, reason }) => {
      if (!life.dead) this.#ended(life.name, session.id, reason, session.lastActiveAt);
    });
    const process = Object.assign(life, { supervisor, draining: false, drained: false });
    this.#processes.push(process);
    this.note(`${life.name} starts`);
    return process;
  }

  async #build(life: Life, context: SessionContext): Promise<CountingServer> {
    const known = this.sessions.find(({ id }) => id === context.id);
    this.note(`${life.name} builds ${context.id}, epoch ${context.epoch}`);
    if (known !== undefined && !life.dead) {
      if (context.restored !== (context.epoch ?? 0) > 1) this.break(`${context.id}: restored ${context.restored}`);
      if ((context.epoch ?? 0) <= known.epoch) this.break(`${context.id} has epoch ${context.epoch} again`);
      if (known.deleted) this.break(`${context.id} is brought back after its end`);
      if (context.principal !== PRINCIPALS[known.owner]) this.break(`${context.id} is built for another`);
      known.epoch = context.epoch ?? 0;
    }
    const gate = (what: string) => this.points.reach(life, 0, `${life.name}: ${what} of ${context.id}`, true);
    if (this.factory === 'waits') await gate('factory');
    if (this.factory === 'fails') throw new Error('as the schedule wants it');
    return new CountingServer(context, gate);
  }

  #ended(name: string, id: string, reason: string | undefined, lastActiveAt: number): void {
    this.note(`${id} has ended: ${reason}, says ${name}`);
    const known = this.sessions.find((session) => session.id === id);
    if (known === undefined) return; // its client never learned of it
    if (known.told.has(name)) this.break(`${id} ends twice`);
    known.told.add(name);
    known.ending = true;
    if (reason === 'idle' && this.clock.now() - lastActiveAt < IDLE) this.break(`${id} ends before its time`);
    const isAsked = known.asked && (reason === 'deleted' || reason === 'terminated');
    if (reason !== 'idle' && !isAsked) this.break(`${id} ends as ${reason}, which nobody asked for`);
  }

  #send(client: number, known: Known | undefined, what: string, message: object | undefined): void {
    const { process } = this;
    const request: Request = {
      name: `#${this.requests.length + 1}`,
      known,
      life: process,
      what,
      foreign: known !== undefined && PRINCIPALS[known.owner] !== PRINCIPALS[client],
      acknowledged: known?.acknowledged ?? 0,
      deleted: known?.deleted ?? false,
      stop: new AbortController(),
      open: true,
    };
    this.requests.push(request);
    this.note(`${request.name} ${what} in ${known?.id ?? 'no session'} by client ${client}`);
    const principal = PRINCIPALS[client];
    const headers = {
      accept: 'application/json, text/event-stream',
      ...(message !== undefined && { 'content-type': 'application/json' }),
      ...(known !== undefined && { 'mcp-session-id': known.id }),
      ...(principal !== undefined && { 'x-principal': principal }),
    };
    const init =
      message === undefined
        ? { method: 'DELETE' }
        : { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', ...message }) };
    const signal = request.stop.signal;
    void process.supervisor.fetch(new Request('http://localhost/mcp', { ...init, headers, signal })).then(
      async (response) => {
        const text = await response.text();
        if (request.open) this.#answered(request, client, response, text === '' ? {} : JSON.parse(text), message);
        request.open = false;
      },
      () => {
        request.open = false;
      },
    );
  }

  #answered(
    request: Request,
    client: number,
    response: Response,
    body: { result?: { n?: number; late?: boolean; told?: string[] }; error?: { message: string } },
    message: object | undefined,
  ): void {
    const { known, name, what } = request;
    const { status } = response;
    this.note(`${name} ← ${status} ${JSON.stringify(body)}`);
    if (known === undefined) {
      const id = response.headers.get('mcp-session-id');
      if (status !== 200) return void (status >= 500 || this.break(`an initialize is answered ${status}`));
      if (id === null) return this.break('a session has no id');
      if (this.sessions.some((session) => session.id === id)) this.break(`${id} is given out twice`);
      this.sessions.push(knownSession(id, client, this.clock.now()));
      return;
    }
    if (status === 500) return this.break(`${name} is answered 500`);
    if (status === 503) return;
    if (request.foreign) return void (status === 404 || this.break(`another’s ${what} is answered ${status}`));
    if (status === 404) return this.#judgeMissing(request, known);
    // A process that had the session live and learns of its end by this request cuts it off.
    if (request.deleted && body.error === undefined) {
      return this.break(`${name} is answered ${status} after the end of ${known.id}`);
    }
    if (what === 'delete') {
      known.deleted = true;
      return void (status === 200 || this.break(`a DELETE is answered ${status}`));
    }
    known.usedAt = this.clock.now();
    if (body.error !== undefined) {
      if (this.strict) this.break(`${name} is answered ${body.error.message}`);
      return; // it was cut off, or could not be stored
    }
    const { n, late, told } = body.result ?? {};
    if (late) return this.break('a call is answered whose server’s part was over');
    if (what === 'initialized') known.initialized = true;
    if (what === 'level') known.level = (message as { params: { level: string } }).params.level;
    if (n !== undefined) {
      if (n <= request.acknowledged || n > known.attempts)
        this.break(`${name} counts ${n}, after ${request.acknowledged} of ${known.attempts}`);
      known.acknowledged = Math.max(known.acknowledged, n);
    }
    if (told === undefined || known.epoch === 1) return;
    if (known.initialized && !told.includes('initialized')) this.break(`${known.id} was not told of initialized`);
  }

  /** A client is told that there is no such session. */
  #judgeMissing({ name }: Request, known: Known): void {
    if (known.ending || this.clock.now() - known.usedAt >= IDLE - SLACK) {
      known.ending = true;
      return;
    }
    this.break(`${name} is answered 404, and ${known.id} has not ended`);
  }
}
