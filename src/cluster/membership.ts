/**
 * This node's membership in its cluster: which life it has, and whether that is certain. A life is certain until a fifth of
 * the lease time before its lease can have run out, counted from before its renewal was sent; whoever asks later has the
 * node fenced at once, whatever its timers have come to.
 */
import { randomBytes } from 'node:crypto';
import { createActor } from 'xstate';
import type { TimerClock } from '../clock.ts';
import { leaveParent } from '../machines/leaveParent.ts';
import { type NodeMachineEvent, nodeMachine } from '../machines/node.ts';
import type { LogEntry } from '../options.ts';
import type { Directory, NodeLife } from '../stores/directory.ts';
import { atMost } from '../supervisor/atMost.ts';
import type { NodeState } from '../supervisor/clusterNode.ts';
import type { SupervisorActor } from '../supervisor/sessionTree.ts';
import { inTime } from './inTime.ts';

/** Parts of the lease time: from one renewal to the next, and how long before its end a lease is certain no more. */
const RENEW_AFTER = 0.3;
const MARGIN = 0.2;
/** How long the directory may take for a renewal, and how long until it is asked again where it failed. */
const ANSWER_WITHIN = 0.3;
const RETRY_AFTER = 0.05;

/** How long the directory may take to hear of an end, in ms; and where nobody has patience any more. */
const LEAVE_TIMEOUT = 1_000;
const LEAVE_AT_ONCE = 100;

/** Lives of this node that are over, and known to be. */
const MAX_PAST = 64;

export interface MembershipHost {
  readonly actor: SupervisorActor;
  readonly timers: TimerClock;
  /** Monotonic, in ms. */
  readonly now: () => number;
  log(entry: LogEntry): void;
  /** Begins to listen, once; resolves to where peers reach this node. */
  listen(): Promise<string>;
  /** Nothing is to be done under the old life any more: drops what it has. At once. */
  fence(): void;
  /** A life has begun, or none will any more. */
  changed(): void;
}

export class Membership {
  fenced = 0;
  readonly #directory: Directory;
  readonly #node: string;
  readonly #leaseTime: number;
  readonly #host: MembershipHost;
  readonly #actor;
  #life: NodeLife | undefined;
  /** Until when the life is certain. */
  #until = Number.NEGATIVE_INFINITY;
  readonly #past = new Set<string>();
  #last: string;
  #told: string | undefined;
  #isPatient = true;
  #whenLeft = () => {};
  readonly #left: Promise<void>;

  constructor(directory: Directory, node: string, leaseTime: number, host: MembershipHost) {
    this.#directory = directory;
    this.#node = node;
    this.#leaseTime = leaseTime;
    this.#host = host;
    this.#last = `${node}#none`;
    this.#left = new Promise((resolve) => {
      this.#whenLeft = resolve;
    });
    const machine = nodeMachine.provide({
      actions: {
        join: () => void this.#join(),
        begin: () => this.#begin(),
        noteTaken: () => this.#noteTaken(),
        renew: () => void this.#renew(this.#life?.id),
        fence: () => this.#fence(),
        leave: () => void this.#leave(),
        end: () => this.#end(),
      },
    });
    this.#actor = createActor(machine, {
      id: 'node',
      parent: host.actor,
      systemId: `node ${node}`,
      input: {
        node,
        renewEvery: RENEW_AFTER * leaseTime,
        retryAfter: RETRY_AFTER * leaseTime,
        leaveTimeout: LEAVE_TIMEOUT,
      },
    });
  }

  start(): void {
    this.#actor.start();
  }

  get state(): NodeState {
    return this.#actor.getSnapshot().value;
  }

  /** The life of this node, as long as that is certain. */
  get life(): NodeLife | undefined {
    if (this.#life !== undefined && this.#host.now() >= this.#until) this.#actor.send({ type: 'LAPSED' });
    return this.#life;
  }

  /** For how long its life is certain still, in ms. */
  get leaseRemaining(): number {
    return this.#life === undefined ? 0 : Math.max(0, this.#until - this.#host.now());
  }

  /** The life that this node had last, if it had any: it sends in its name while nothing lives here any more. */
  get last(): string {
    return this.#life?.id ?? this.#last;
  }

  /** It was a life of this node, which has given up all that it had then. */
  wasOurs(id: string): boolean {
    return this.#past.has(id);
  }

  /** Ends the life. Resolves when the directory knows, or has not said so in time. */
  async leave(patient: boolean): Promise<void> {
    this.#isPatient = patient;
    this.#send({ type: 'LEAVE' });
    await this.#left;
  }

  // --- what the machine has done

  async #join(): Promise<void> {
    try {
      const url = await this.#host.listen();
      if (this.state !== 'joining') return; // it has left meanwhile
      const begun = this.#host.now();
      const life = { id: `${this.#node}#${randomBytes(12).toString('base64url')}`, node: this.#node, url };
      const joining = this.#directory.join(life, this.#leaseTime);
      const outcome = await this.#answer(joining, () => this.#undo(joining, life));
      if (outcome === 'taken') return this.#send({ type: 'TAKEN' });
      this.#life = life;
      this.#keep(begun);
      const lease = this.#until - this.#host.now();
      if (lease > 0 && this.state === 'joining') return this.#send({ type: 'JOINED', lease });
      this.#life = undefined;
      void this.#undo(joining, life);
      this.#send({ type: 'UNKNOWN' });
    } catch (error) {
      this.#life = undefined;
      this.#tell('error', 'cluster.notJoined', 'This node can’t join its cluster; it tries again', { error });
      this.#send({ type: 'UNKNOWN' });
    }
  }

  /** A life that was asked for and is not wanted any more, or that nobody knows of. */
  async #undo(joining: Promise<'joined' | 'taken'>, { id }: NodeLife): Promise<void> {
    try {
      if ((await joining) === 'joined') await this.#directory.leave(id);
    } catch {
      // Its lease runs out.
    }
  }

  #begin(): void {
    const { id = '', url } = this.#life ?? {};
    this.#told = undefined;
    this.#host.log({
      level: 'info',
      event: 'cluster.joined',
      message: `Node ${this.#node} has joined its cluster`,
      node: this.#node,
      life: id,
      url,
    });
    this.#host.changed();
  }

  #noteTaken(): void {
    const message =
      `Another process is in the cluster as ${this.#node}; this one joins when that has left, ` +
      'or when its lease has run out: nodes need names of their own';
    this.#tell('warn', 'cluster.nameTaken', message, { node: this.#node });
  }

  /** Asks until the directory says something, or the life is another. */
  async #renew(id: string | undefined): Promise<void> {
    while (id !== undefined && this.#life?.id === id) {
      const sent = this.#host.now();
      try {
        const outcome = await this.#answer(this.#directory.renew(id, this.#leaseTime));
        if (this.#life?.id !== id) return;
        if (outcome === 'gone') return this.#send({ type: 'GONE' });
        // The process may have been paused since it was sent: what has lapsed meanwhile is not revived.
        if (this.life?.id !== id) return;
        this.#keep(sent);
        this.#told = undefined;
        return this.#send({ type: 'RENEWED', lease: Math.max(0, this.#until - this.#host.now()) });
      } catch (error) {
        const message = 'The directory does not renew the lease of this node; its sessions go on until that is over';
        this.#tell('warn', 'cluster.renewalFailed', message, { error });
      }
      await new Promise<void>((resolve) => this.#host.timers.setTimeout(resolve, RETRY_AFTER * this.#leaseTime));
    }
  }

  #fence(): void {
    const life = this.#life;
    this.#over();
    if (life === undefined) return;
    this.fenced++;
    const message =
      'The lease of this node may have run out: it lets go of all its sessions, which go on where they are asked for';
    this.#host.log({ level: 'error', event: 'cluster.fenced', message, node: this.#node, life: life.id });
    this.#host.fence();
    void this.#tellLeft(life.id);
  }

  async #leave(): Promise<void> {
    const life = this.#life;
    this.#over();
    await this.#tellLeft(life?.id);
  }

  #end(): void {
    this.#over();
    leaveParent(this.#actor, this.#host.actor);
    const message = `Node ${this.#node} has left its cluster`;
    this.#host.log({ level: 'info', event: 'cluster.left', message, node: this.#node });
    this.#host.changed();
    this.#whenLeft();
  }

  // --- within

  async #tellLeft(id: string | undefined): Promise<void> {
    // In a turn of its own: whoever had this done is within a transition.
    const told = id === undefined ? Promise.resolve() : Promise.resolve().then(() => this.#directory.leave(id));
    await atMost(this.#host.timers, this.#isPatient ? LEAVE_TIMEOUT : LEAVE_AT_ONCE, told);
    this.#send({ type: 'LEFT' });
  }

  #over(): void {
    if (this.#life === undefined) return;
    this.#last = this.#life.id;
    this.#past.add(this.#life.id);
    const [oldest] = this.#past;
    if (this.#past.size > MAX_PAST && oldest !== undefined) this.#past.delete(oldest);
    this.#life = undefined;
    this.#until = Number.NEGATIVE_INFINITY;
  }

  #keep(since: number): void {
    this.#until = since + (1 - MARGIN) * this.#leaseTime;
  }

  #answer<T>(asked: Promise<T>, late?: () => void): Promise<T> {
    return inTime(this.#host.timers, ANSWER_WITHIN * this.#leaseTime, asked, late);
  }

  #send(event: NodeMachineEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }

  /** What stays wrong is told once. */
  #tell(level: LogEntry['level'], event: LogEntry['event'], message: string, more: Partial<LogEntry>): void {
    if (this.#told === event) return;
    this.#told = event;
    this.#host.log({ level, event, message, ...more });
  }
}
