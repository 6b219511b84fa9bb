/** Clients that use a number of sessions side by side, each client at one node, and record what they see. */
import { setTimeout as passing } from 'node:timers/promises';
import type { Operation } from '../cluster/history/history.ts';
import { call, end, open, type Target } from './wireClient.ts';

export interface LoadOptions {
  readonly targets: readonly Target[];
  readonly random: () => number;
  /** Of each node: who waits for one that is broken does not keep the others from being asked. */
  readonly clients: number;
  readonly sessions: number;
  /** A client's pause between two requests, in ms. */
  readonly pause: number;
}

/** How likely each is: the rest are increments. */
const READS = 0.3;
const SLOW = 0.1;
const DELETES = 0.01;

/** A slow call takes at most so long, in ms. */
const SLOWEST = 1_500;

interface Used {
  readonly session: string;
  readonly mark: string;
}

export class Load {
  readonly operations: Operation[] = [];
  readonly #options: LoadOptions;
  /** Undefined: somebody opens another one. */
  readonly #sessions: (Used | undefined)[];
  readonly #clients: Promise<void>[] = [];
  #marks = 0;
  #isOver = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#sessions = Array.from({ length: options.sessions });
  }

  start(): void {
    for (const target of this.#options.targets) {
      for (let n = 0; n < this.#options.clients; n++) this.#clients.push(this.#client(target));
    }
  }

  /** Resolves when all that was asked is answered. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** Reads each session that anybody has ever seen, at every node: it is there, or gone. */
  async readAll(): Promise<void> {
    const seen = new Map(
      this.operations.flatMap(({ session, mark }) => (session === undefined ? [] : [[session, mark]])),
    );
    const { targets } = this.#options;
    for (const [session, mark] of seen) {
      const asked = { kind: 'read', session, mark } as const;
      const reads = await Promise.all(targets.map((target) => call(target, target, asked, 'read')));
      this.operations.push(...reads.map((read) => ({ ...read, isFinal: true })));
    }
  }

  async #client(target: Target): Promise<void> {
    const { random, pause } = this.#options;
    while (!this.#isOver) {
      const place = Math.floor(random() * this.#sessions.length);
      const used = this.#sessions[place];
      const operation = await (used === undefined ? this.#open(target, place) : this.#use(target, used, place));
      this.operations.push(operation);
      await passing(2 * pause * random());
    }
  }

  async #open(target: Target, place: number): Promise<Operation> {
    const mark = `mark-${++this.#marks}`;
    const operation = await open(target, mark);
    const { session } = operation;
    if (session !== undefined) this.#sessions[place] = { session, mark };
    return operation;
  }

  async #use(target: Target, used: Used, place: number): Promise<Operation> {
    const { random } = this.#options;
    const next = this.#any();
    const kind = random();
    const forget = () => {
      if (this.#sessions[place] === used) this.#sessions[place] = undefined;
    };
    if (kind < DELETES) {
      forget();
      return end(target, { kind: 'delete', ...used });
    }
    const operation =
      kind < DELETES + READS
        ? await call(target, next, { kind: 'read', ...used }, 'read')
        : kind < DELETES + READS + SLOW
          ? await call(target, next, { kind: 'increment', ...used }, 'slow', { ms: Math.round(SLOWEST * random()) })
          : await call(target, next, { kind: 'increment', ...used }, 'increment');
    if (operation.outcome === 'gone') forget();
    return operation;
  }

  #any(): Target {
    const { targets, random } = this.#options;
    return targets[Math.floor(random() * targets.length)] as Target;
  }
}
