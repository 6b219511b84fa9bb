/**
 * The world of a simulation of handles: a supervisor with one kind of them, whoever creates, uses and ends them, and values
 * whose `open` and `close` take as long as the schedule wants, throw, or call back. It keeps account of what can be seen from
 * outside, and looks after every step whether that is as it must be.
 */
import {
  createSessionSupervisor,
  type HandleEndReason,
  type HandleEvent,
  type Handles,
  type SessionSupervisor,
  type SessionSupervisorOptions,
} from '../../index.ts';
import { SimulationClock } from '../simulation/simulationClock.ts';
import { Gates } from './handleGates.ts';
import { brokenRule, leftOver } from './handleRules.ts';
import type { HandleSettings, SeenHandle, SeenWorld } from './seenHandle.ts';

export type Create = (options: SessionSupervisorOptions) => SessionSupervisor;

/** Who asks; the last one is nobody in particular. */
export const PRINCIPALS = ['ann', 'bob', undefined] as const;

/** What the embedder's code does where it is called back. */
export type Deed = 'nothing' | 'uses it' | 'ends it' | 'creates one' | 'throws' | 'drains';

export class HandleWorld implements SeenWorld {
  readonly settings: HandleSettings;
  readonly clock = new SimulationClock();
  readonly gates = new Gates();
  readonly supervisor: SessionSupervisor;
  readonly handles: Handles<SeenHandle>;
  readonly seen = new Map<string, SeenHandle>();
  readonly trace: string[] = [];
  /** What the next callback of each place does. */
  readonly deeds = new Map<string, Deed>();
  /** Whether `open`, `use` and `close` wait for the schedule. */
  readonly waits = { open: false, use: true, close: false };
  broken: string | undefined;
  drainingSince = Number.POSITIVE_INFINITY;
  drained = false;
  pendingCreates = 0;

  constructor(settings: HandleSettings, create: Create = createSessionSupervisor) {
    this.settings = settings;
    const { shutdownTimeout, ...options } = settings;
    this.supervisor = create({
      server: () => Promise.reject(new Error('There are no sessions here')),
      clock: this.clock,
      shutdownTimeout,
      logger: () => this.#deed('the logger'),
    });
    for (const type of ['handle.opened', 'handle.active', 'handle.idle', 'handle.terminated'] as const) {
      this.supervisor.on(type, (event) => this.#heard(event));
    }
    this.handles = this.supervisor.handles<SeenHandle>('thing', {
      ...options,
      open: ({ id, principal, signal }) => this.#open(id, principal, signal),
      close: (handle, { reason }) => this.#close(handle, reason),
    });
  }

  get now(): number {
    return this.clock.now();
  }

  get draining(): boolean {
    return this.drainingSince !== Number.POSITIVE_INFINITY;
  }

  // --- for the schedule

  create(principal: string | undefined): void {
    this.note(`${principal} creates one`);
    this.pendingCreates++;
    void this.handles
      .create({ principal })
      .then(
        (id) => {
          const handle = this.seen.get(id);
          if (handle === undefined) return this.break(`create resolved to ${id}, which was never opened`);
          if (handle.endedAt !== undefined && handle.endedAt < this.now)
            this.break(`create resolved to ${id}, which had ended`);
          handle.known = true;
          this.note(`${principal} has ${id.slice(0, 4)}`);
        },
        (error: { code?: string; message: string }) =>
          this.note(`${principal} has none: ${error.code ?? error.message}`),
      )
      .finally(() => this.pendingCreates--);
  }

  use(handle: SeenHandle, principal: string | undefined, waits = this.waits.use): void {
    const name = handle.id.slice(0, 4);
    const mayEnter = principal === handle.principal && handle.endedAt === undefined;
    let signal: AbortSignal | undefined;
    this.note(`${principal} uses ${name}`);
    void this.handles
      .use(handle.id, { principal }, async (value, use) => {
        signal = use.signal;
        if (value !== handle) this.break(`A use of ${name} was given another value`);
        if (!mayEnter) this.break(`${principal} got into ${name}, which is ${handle.principal}'s`);
        if (handle.endedAt !== undefined || handle.closes > 0) this.break(`A use of ${name} got in after its end`);
        await this.#during(handle, signal, waits);
      })
      .catch((error: { code?: string }) => {
        if (signal === undefined && error.code !== 'HANDLE_NOT_FOUND') this.break(`A use of ${name} got ${error.code}`);
        if (signal === undefined && mayEnter && handle.known && handle.endedAt === undefined) {
          this.break(`${principal} did not get into ${name}`);
        }
      });
  }

  /** A use of it runs. */
  async #during(handle: SeenHandle, signal: AbortSignal, waits: boolean): Promise<void> {
    const name = handle.id.slice(0, 4);
    handle.uses.add(signal);
    handle.lastActiveAt = this.now;
    try {
      await this.#does('a use', handle);
      if (waits) await this.gates.wait(`a use of ${name}`);
    } finally {
      handle.uses.delete(signal);
      handle.lastActiveAt = this.now;
      this.note(`a use of ${name} is over`);
    }
  }

  end(handle: SeenHandle, principal: string | undefined): void {
    const name = handle.id.slice(0, 4);
    const may = principal === handle.principal && handle.endedAt === undefined && handle.made;
    if (may) handle.asked = true;
    this.note(`${principal} ends ${name}`);
    this.handles.end(handle.id, { principal }).then(
      () => {
        if (!may) this.break(`${principal} ended ${name}`);
        if (handle.endedAt === undefined) this.break(`${name} was ended, and nobody was told`);
      },
      (error: { code?: string }) => {
        if (error.code !== 'HANDLE_NOT_FOUND') this.break(`An end of ${name} got ${error.code}`);
      },
    );
  }

  drain(): void {
    if (this.draining) return;
    this.note('drains');
    this.drainingSince = this.now;
    void this.supervisor.drain().then(() => {
      this.drained = true;
      this.note('is drained');
    });
  }

  /** Lets time pass, timer by timer. */
  async pass(ms: number): Promise<void> {
    await this.settle(); // no time passes in the midst of what goes on by itself
    this.note(`${ms} ms pass`);
    const until = this.now + ms;
    while (this.clock.step(until)) {
      await this.settle();
      this.check();
    }
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  check(): void {
    this.broken ??= brokenRule(this);
  }

  checkLeft(): void {
    this.broken ??= leftOver(this);
  }

  note(line: string): void {
    this.trace.push(`${this.now}: ${line}`);
  }

  break(what: string): void {
    this.broken ??= what;
  }

  // --- what the supervisor calls

  async #open(id: string, principal: string | undefined, opening: AbortSignal): Promise<SeenHandle> {
    const handle: SeenHandle = {
      id,
      principal,
      createdAt: this.now,
      lastActiveAt: this.now,
      opening,
      uses: new Set(),
      made: false,
      openFailed: false,
      known: false,
      asked: false,
      events: [],
      endedAt: undefined,
      reason: undefined,
      closes: 0,
      closedAt: Number.POSITIVE_INFINITY,
      isClosing: false,
    };
    if (this.seen.has(id)) this.break(`Two have the id ${id}`);
    this.seen.set(id, handle);
    try {
      await this.#does('open', handle);
      if (this.waits.open) await this.gates.wait(`the open of ${id.slice(0, 4)}`);
    } catch (error) {
      handle.openFailed = true;
      throw error;
    }
    handle.made = true;
    handle.lastActiveAt = this.now;
    return handle;
  }

  async #close(handle: SeenHandle, reason: HandleEndReason): Promise<void> {
    const name = handle.id.slice(0, 4);
    handle.closes++;
    handle.closedAt = this.now;
    this.note(`${name} is closed: ${reason}`);
    if (reason !== handle.reason) this.break(`${name} ended as ${handle.reason}, and is closed as ${reason}`);
    for (const signal of handle.uses)
      if (!signal.aborted) this.break(`${name} is closed under a use that was not told`);
    handle.isClosing = true;
    try {
      await this.#does('close', handle);
      if (this.waits.close) await this.gates.wait(`the close of ${name}`);
    } finally {
      handle.isClosing = false;
    }
  }

  #heard({ type, handle: info, reason }: HandleEvent): void {
    const handle = this.seen.get(info.id);
    if (handle === undefined) return; // it ended before `open` was called
    handle.events.push(type);
    if (type === 'handle.terminated') {
      if (handle.endedAt !== undefined) this.break(`${info.id} ended twice`);
      handle.endedAt = this.now;
      handle.reason = reason;
      this.note(`${info.id.slice(0, 4)} has ended: ${reason}`);
    }
    void this.#does(type, handle).catch(() => {});
  }

  #deed(place: string): void {
    if (this.deeds.get(place) !== 'throws') return;
    this.deeds.delete(place);
    throw new Error(`Thrown in ${place}`);
  }

  async #does(place: string, handle: SeenHandle): Promise<void> {
    const deed = this.deeds.get(place);
    if (deed === undefined) return;
    this.deeds.delete(place);
    this.note(`in ${place} of ${handle.id.slice(0, 4)}, the embedder’s code ${deed}`);
    if (deed === 'uses it') this.use(handle, handle.principal, false);
    if (deed === 'ends it') this.end(handle, handle.principal);
    if (deed === 'creates one') this.create(handle.principal);
    if (deed === 'drains') this.drain();
    if (deed === 'throws') throw new Error(`Thrown in ${place}`);
  }
}
