/** The network between the nodes of a simulated cluster: who listens where, what is cut off from whom, what is on its way. */
import type { PeerNetwork } from '../../index.ts';
import { PeerWire, type WireWorld } from './peerWire.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';
import type { Numbers } from './ways.ts';
import type { WorldTime } from './worldTime.ts';

/** For so many ms after its last word a peer is taken to be there. */
const TRUST = 50;

/** How long a listener that closes waits for what is open, in ms. */
const CLOSE_WITHIN = 5_000;

type Serve = Parameters<PeerNetwork['listen']>[1];

interface Listener {
  readonly process: SimulatedProcess;
  readonly serve: Serve;
  open: boolean;
  closed: (() => void) | undefined;
}

export class SimulatedNetwork implements WireWorld {
  readonly time: WorldTime;
  readonly numbers: Numbers;
  /** Ways that are cut, or slow, as the names of both ends. */
  readonly cut = new Set<string>();
  readonly slow = new Set<string>();
  readonly wires = new Set<PeerWire>();
  readonly #listeners = new Map<string, Listener>();
  readonly #heard = new Map<string, number>();
  readonly #leaves: WireWorld['leaves'];

  constructor(time: WorldTime, numbers: Numbers, leaves: WireWorld['leaves']) {
    this.time = time;
    this.numbers = numbers;
    this.#leaves = leaves;
  }

  isCut(from: SimulatedProcess, to: SimulatedProcess): boolean {
    return this.cut.has(between(from, to));
  }

  isSlow(from: SimulatedProcess, to: SimulatedProcess): boolean {
    return this.slow.has(between(from, to));
  }

  /** As a process sees it. */
  for(process: SimulatedProcess): PeerNetwork {
    return {
      listen: async (_, serve) => {
        const url = `http://${process.name}:1`;
        const listener: Listener = { process, serve, open: true, closed: undefined };
        this.#listeners.set(url, listener);
        return { url, close: () => this.#close(listener) };
      },
      send: (url, outgoing) => {
        const listener = this.#listeners.get(url);
        const to = listener?.process ?? process;
        const isThere = listener?.open === true && !to.dead;
        const wire = new PeerWire(this, outgoing, process, to);
        this.wires.add(wire);
        const heard = this.#heard.get(between(to, process)) ?? Number.NEGATIVE_INFINITY;
        wire.start(isThere ? listener.serve : undefined, this.time.now - heard < TRUST);
        return wire;
      },
    };
  }

  /** All that it was connected to notices. */
  killed(process: SimulatedProcess): void {
    for (const wire of [...this.wires]) {
      if (wire.to === process) wire.break();
      if (wire.from !== process) continue;
      wire.break();
      this.wires.delete(wire);
    }
  }

  // --- what wires tell

  leaves(process: SimulatedProcess, text: string): void {
    this.#leaves(process, text);
  }

  heard({ from, to }: PeerWire): void {
    this.#heard.set(between(to, from), this.time.now);
  }

  over(wire: PeerWire): void {
    this.wires.delete(wire);
    for (const listener of this.#listeners.values()) this.#judge(listener);
  }

  // --- within

  #close(listener: Listener): Promise<void> {
    listener.open = false;
    return new Promise((resolve) => {
      listener.closed = resolve;
      this.#judge(listener);
      this.time.after(CLOSE_WITHIN, () => listener.process.deliver(() => this.#cutOff(listener)));
    });
  }

  #cutOff(listener: Listener): void {
    if (listener.closed === undefined) return;
    for (const wire of [...this.wires]) if (wire.to === listener.process) wire.break();
    this.#closed(listener);
  }

  #judge(listener: Listener): void {
    if (listener.closed === undefined) return;
    for (const { to } of this.wires) if (to === listener.process) return;
    this.#closed(listener);
  }

  #closed(listener: Listener): void {
    const { closed } = listener;
    listener.closed = undefined;
    if (closed !== undefined) listener.process.deliver(closed);
  }
}

function between(from: SimulatedProcess, to: SimulatedProcess): string {
  return `${from.name}>${to.name}`;
}
