/**
 * The world of a simulated cluster: nodes and their processes, the directory, the store and the event log that they share,
 * the network between them, their clients, and all that can go wrong. One time, one row of numbers decides everything.
 */
import {
  createMemoryEventStore,
  createSessionSupervisor,
  type SessionSupervisor,
  type SessionSupervisorOptions,
} from '../../index.ts';
import { ClusterClients } from './clusterClients.ts';
import { ClusterJudge } from './clusterJudge.ts';
import type { ClusterSettings } from './clusterSettings.ts';
import { Disturbances } from './disturbances.ts';
import type { Asked, Known, Said, What } from './known.ts';
import { SimulatedDirectory } from './simulatedDirectory.ts';
import { SimulatedNetwork } from './simulatedNetwork.ts';
import { SimulatedNode } from './simulatedNode.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';
import { SimulatedRecords, short } from './simulatedRecords.ts';
import type { Numbers } from './ways.ts';
import { WorldTime } from './worldTime.ts';

export type Create = (options: SessionSupervisorOptions) => SessionSupervisor;

/** Clocks differ by so many ms at most, each from that of the world. */
const MAX_SKEW = 2_500;

/** In how many turns of the event loop comes what comes by itself. */
const TURNS = 3;

/** How often it is looked at whether something is so, in ms. */
const PACE = 250;

/** Requests that may be resumed and are remembered. */
const MAX_RESUMABLE = 16;

export class ClusterWorld {
  readonly settings: ClusterSettings;
  readonly numbers: Numbers;
  readonly create: Create;
  readonly time = new WorldTime();
  readonly trace: string[] = [];
  readonly directory: SimulatedDirectory;
  readonly records: SimulatedRecords;
  readonly events;
  readonly network: SimulatedNetwork;
  readonly disturbances: Disturbances;
  readonly judge: ClusterJudge;
  readonly clients: ClusterClients;
  /** The last process of each node. */
  readonly nodes: SimulatedNode[] = [];
  /** Processes that are no more, or not to be. */
  readonly former: SimulatedNode[] = [];
  servers = 0;
  broken: string | undefined;
  #processes = 0;
  /** What ends what is wrong now. */
  readonly #ends = new Set<() => void>();
  readonly #resumable: Asked[] = [];

  constructor(settings: ClusterSettings, numbers: Numbers, create: Create = createSessionSupervisor) {
    const { time } = this;
    this.settings = settings;
    this.numbers = numbers;
    this.create = create;
    this.directory = new SimulatedDirectory(time, settings.leaseTime);
    this.records = new SimulatedRecords(this);
    this.events = createMemoryEventStore({ clock: time.clock, maxAge: Number.MAX_SAFE_INTEGER });
    this.network = new SimulatedNetwork(time, numbers, (process, text) => this.leaves(process, text));
    this.disturbances = new Disturbances(time);
    this.judge = new ClusterJudge(this);
    this.clients = new ClusterClients(this);
    for (let number = 1; number <= settings.nodes; number++) this.nodes.push(this.#start(`n${number}`));
  }

  // --- for the schedule

  ask(node: SimulatedNode, client: number, what: What, known?: Known, resumes?: Asked): Asked {
    if (known !== undefined && client === known.owner) {
      if (what === 'add' || what === 'add slowly') known.attempts++;
      if (what === 'delete') known.ending = true;
    }
    return this.clients.send(node, client, what, known, resumes);
  }

  terminate(node: SimulatedNode, known: Known): void {
    this.note(`${node.name} is to terminate ${short(known.id)}`);
    const wasEnding = known.ending;
    known.ending = true;
    node.process.deliver(() => {
      node.supervisor.terminate(known.id).then(
        (ended) => {
          if (node.process.dead) return;
          this.note(`${node.name} has terminated ${short(known.id)}: ${ended}`);
          if (ended) known.ended = true;
          else if (!wasEnding && this.settings.idleTimeout === Number.POSITIVE_INFINITY && known.ended === false) {
            if (this.records.epochOf(known.id) !== undefined) this.break(`${short(known.id)} is said to have ended`);
          }
        },
        (error: { code?: unknown }) => {
          if (error.code !== 'STORE_FAILED') this.break(`terminate of ${short(known.id)} rejects: ${String(error)}`);
        },
      );
    });
  }

  kill(node: SimulatedNode): void {
    this.note(`${node.name} is killed`);
    this.disturbances.killed();
    node.process.kill();
    this.network.killed(node.process);
    this.clients.killed(node);
  }

  /** The next process under the name of a node. */
  restart(node: SimulatedNode): void {
    this.former.push(node);
    this.nodes[this.nodes.indexOf(node)] = this.#start(node.node);
  }

  /** Something is wrong for a while. */
  disturb(what: string, ms: number, end: () => void): void {
    this.note(`${what}, for ${ms} ms`);
    const over = this.disturbances.begin();
    this.#ends.add(end);
    this.time.after(ms, () => {
      over();
      if (!this.#ends.delete(end)) return;
      this.note(`${what}: over`);
      end();
    });
  }

  /** What is wrong is over. */
  heal(): void {
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
    this.disturbances.last(0);
  }

  /** Lets time pass, step by step. */
  async pass(ms: number): Promise<void> {
    const until = this.time.now + ms;
    while (this.broken === undefined && this.time.step(until)) {
      await this.settle();
      this.check();
    }
  }

  /** Lets time pass until something is so, for so many ms at most. Resolves to whether it is. */
  async passUntil(is: () => boolean, ms: number): Promise<boolean> {
    const until = this.time.now + ms;
    while (this.broken === undefined && !is() && this.time.now < until)
      await this.pass(Math.min(PACE, until - this.time.now));
    return is();
  }

  /** Asks after so many ms, wherever there is somebody then. */
  askLater(ms: number, node: SimulatedNode, known: Known, what: What): void {
    this.time.after(ms, () => {
      if (node.isUp && this.broken === undefined) this.ask(node, known.owner, what, known);
    });
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  check(): void {
    for (const asked of this.clients.open) this.judge.checkTime(asked);
  }

  note(line: string): void {
    this.trace.push(`${Math.round(this.time.now)}: ${line}`);
  }

  break(what: string): void {
    if (this.broken !== undefined) return;
    this.broken = what;
    this.note(`BROKEN: ${what}`);
  }

  /** The node that has a session now. */
  ownerOf(id: string): SimulatedNode | undefined {
    const process = this.records.processOf(id);
    return this.nodes.find((node) => node.process === process && node.isUp);
  }

  /** Calls that have lost their connection, or are left, and can be resumed. */
  get resumable(): readonly Asked[] {
    return this.#resumable;
  }

  // --- what is seen

  /** Something leaves a process, in answer to a request: if it is of its own making, it may say so. */
  leaves(process: SimulatedProcess, text: string): void {
    if (process.dead) return;
    for (const [, id = '', epochText, by] of text.matchAll(/"session":"([^"]*)","epoch":(\d+),"by":"([^"]*)"/g)) {
      if (by !== process.name) continue; // it was forwarded, and left its owner before; or it is replayed
      const epoch = Number(epochText);
      const now = this.records.epochOf(id) ?? epoch;
      // What was said in an epoch before is replayed to whoever resumes a stream of it.
      if (this.#mayAct(id, epoch) || (now !== epoch && this.#mayAct(id, now))) continue;
      this.break(`${by} answers in ${short(id)} at epoch ${epoch}, in a life that is over`);
    }
  }

  status(asked: Asked, status: number, sessionId: string | null): void {
    this.judge.status(asked, status, sessionId);
  }

  said(asked: Asked, message: Said): void {
    this.judge.said(asked, message);
  }

  over(asked: Asked): void {
    const isCall = asked.what !== 'initialize' && asked.what !== 'delete';
    if (isCall && !asked.answered && asked.lastEventId !== undefined && asked.known?.owner === asked.client) {
      this.#resumable.push(asked);
      if (this.#resumable.length > MAX_RESUMABLE) this.#resumable.shift();
    }
    this.judge.over(asked);
  }

  ended(id: string, reason: string | undefined, by: string): void {
    this.judge.ended(id, reason, by);
  }

  /** A node finds its name taken. */
  nameTaken(node: SimulatedNode): void {
    const before = this.former.findLast((former) => former.node === node.node);
    if (before?.drained !== true || this.disturbances.during(this.time.now, this.time.now)) return;
    this.break(`${node.name} finds its name taken, and ${before.name} has left`);
  }

  // --- within

  /** The life that has the session in this epoch may do something. */
  #mayAct(id: string, epoch: number): boolean {
    const owner = this.records.ownerOf(id, epoch);
    return owner !== undefined && this.directory.mayAct(owner);
  }

  #start(name: string): SimulatedNode {
    const skew = Math.round((2 * this.numbers() - 1) * MAX_SKEW);
    const node = new SimulatedNode(this, name, ++this.#processes, skew);
    this.note(`${node.name} starts, its clock ${skew} ms ahead`);
    return node;
  }
}
