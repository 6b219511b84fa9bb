/** One process of a node: a supervisor with a clock, with ways to what all nodes share, and with a network of its own. */
import type {
  createSessionSupervisor,
  MemoryEventStore,
  SessionContext,
  SessionSupervisor,
  SessionSupervisorOptions,
} from '../../index.ts';
import type { ClusterSettings } from './clusterSettings.ts';
import { RegisterServer } from './registerServer.ts';
import type { SimulatedDirectory } from './simulatedDirectory.ts';
import type { SimulatedNetwork } from './simulatedNetwork.ts';
import { SimulatedProcess } from './simulatedProcess.ts';
import { type SimulatedRecords, short } from './simulatedRecords.ts';
import { type Numbers, Way } from './ways.ts';
import type { WorldTime } from './worldTime.ts';

type EventStore = NonNullable<SessionSupervisorOptions['eventStore']>;
type Message = Parameters<EventStore['storeEvent']>[1];

/** What all nodes share. */
export interface NodeWorld {
  readonly create: typeof createSessionSupervisor;
  readonly settings: ClusterSettings;
  readonly time: WorldTime;
  readonly numbers: Numbers;
  readonly directory: SimulatedDirectory;
  readonly records: SimulatedRecords;
  readonly events: MemoryEventStore;
  readonly network: SimulatedNetwork;
  /** How many servers have been built. */
  servers: number;
  note(line: string): void;
  break(what: string): void;
  /** A node finds its name taken. */
  nameTaken(node: SimulatedNode): void;
  /** A session has ended, as a node says. */
  ended(id: string, reason: string | undefined, by: string): void;
}

const SECRET = 'what all nodes of a simulation have';

/** Who asks. */
export const PRINCIPALS = ['ann', 'bob', undefined] as const;

/** Log entries that tell of a mistake of ours. */
const MISTAKES = new Set(['request.failed', 'supervisor.failed', 'listener.failed', 'response.failed']);

export class SimulatedNode {
  readonly node: string;
  readonly process: SimulatedProcess;
  readonly supervisor: SessionSupervisor;
  readonly ways: Readonly<Record<'store' | 'directory' | 'events', Way>>;
  draining = false;
  drained = false;
  /** For how long it was paused, in ms, and since when it is. */
  pausedFor = 0;
  pausedSince: number | undefined;
  readonly #world: NodeWorld;

  /** The `number`-th process under the name of a node. */
  constructor(world: NodeWorld, node: string, number: number, skew: number) {
    const { time, numbers, settings } = world;
    this.#world = world;
    this.node = node;
    const process = new SimulatedProcess(`${node}.${number}`, time, skew);
    this.process = process;
    const way = () => new Way(process, time, numbers);
    this.ways = { store: way(), directory: way(), events: way() };
    let ids = 0;
    this.supervisor = world.create({
      server: (context) => this.#build(context),
      clock: process,
      sessionStore: world.records.for(process, this.ways.store),
      ...(settings.eventStore && { eventStore: eventsThrough(world.events, this.ways.events) }),
      enableJsonResponse: settings.json,
      sessionIdleTimeout: settings.idleTimeout,
      ...(settings.parkAfter !== undefined && { parkAfter: settings.parkAfter }),
      principal: ({ headers }) => headers['x-principal'] as string | undefined,
      sessionIdGenerator: () => `${number}-${++ids}`,
      logger: (entry) => this.#logged(entry),
      cluster: {
        directory: world.directory.for(process, this.ways.directory),
        node,
        listen: { host: '127.0.0.1', port: 0 },
        secrets: [SECRET],
        leaseTime: settings.leaseTime,
        network: world.network.for(process),
      },
    });
    this.supervisor.on('session.terminated', ({ session, reason }) => {
      if (!process.dead) world.ended(session.id, reason, process.name);
    });
  }

  get name(): string {
    return this.process.name;
  }

  /** Somebody can send it something. */
  get isUp(): boolean {
    return !this.process.dead && !this.drained;
  }

  drain(): void {
    this.draining = true;
    this.process.deliver(() => {
      void this.supervisor.drain().then(() => {
        if (this.process.dead) return;
        this.drained = true;
        this.#world.note(`${this.name} is drained`);
      });
    });
  }

  pause(): void {
    this.pausedSince = this.#world.time.now;
    this.process.pause();
  }

  wake(timersFirst: boolean): void {
    if (this.pausedSince === undefined) return;
    this.pausedFor += this.#world.time.now - this.pausedSince;
    this.pausedSince = undefined;
    this.process.wake(timersFirst);
  }

  /** For how long it was paused until now. */
  get paused(): number {
    return this.pausedFor + (this.pausedSince === undefined ? 0 : this.#world.time.now - this.pausedSince);
  }

  async #build(context: SessionContext): Promise<RegisterServer> {
    const number = ++this.#world.servers;
    if (!this.process.dead) {
      this.#world.note(`${this.name} builds server ${number} for ${short(context.id ?? '')}, epoch ${context.epoch}`);
    }
    return new RegisterServer(context, this.process, number);
  }

  #logged({ level, event, message, error }: { level: string; event: string; message: string; error?: unknown }): void {
    if (this.process.dead) return;
    if (event.startsWith('cluster.')) this.#world.note(`${this.name}: ${event}`);
    if (event === 'cluster.nameTaken') this.#world.nameTaken(this);
    if (MISTAKES.has(event)) this.#world.break(`${this.name}: ${level} ${message}: ${String(error)}`);
  }
}

function eventsThrough(events: MemoryEventStore, way: Way): EventStore {
  return {
    storeEvent: (streamId, message) => way.ask(() => events.storeEvent(streamId, message)),
    getStreamIdForEventId: (id) => way.ask(async () => events.getStreamIdForEventId(id)),
    replayEventsAfter: async (lastId, { send }) => {
      const replayed: (readonly [id: string, message: Message])[] = [];
      const collect = async (id: string, message: Message) => void replayed.push([id, message]);
      const streamId = await way.ask(() => events.replayEventsAfter(lastId, { send: collect }));
      for (const [id, message] of replayed) await send(id, message);
      return streamId;
    },
    forget: (prefix: string) => way.ask(async () => events.forget(prefix)),
  } as EventStore;
}
