/** All requests without sessions in a simulation, and what their listen streams have to be told. */
import type { SessionContext, SessionSupervisor } from '../../index.ts';
import { type ModernAsk, type Wants, written } from './modernAsk.ts';
import { ModernLife, type ModernWorld } from './modernLife.ts';
import type { ModernSdk } from './modernSdk.ts';
import type { SimulatedClient } from './simulatedClient.ts';
import { type ExchangeInit, NAME_HEADER, newStream, type Room, type SimulatedExchange } from './simulatedExchange.ts';
import { HOLD, type WireMessage } from './simulatedServer.ts';
import type { SimulationSettings } from './simulationSettings.ts';

/** What a listen stream is to be told. */
interface Notice {
  /** `tools`, or the URI of a resource. */
  readonly what: string;
  /** It was open for sure when this was published. */
  certain: boolean;
}

/** A listen stream, as its client sees it. */
export interface SeenListen {
  readonly exchange: SimulatedExchange;
  readonly wants: Wants;
  acknowledged: boolean;
  /** What it has not been told yet, in order. */
  readonly due: Notice[];
}

/** What the traffic needs of the simulation. */
export interface TrafficWorld extends ModernWorld {
  readonly settled: boolean;
  readonly draining: boolean;
  readonly settings: SimulationSettings;
  readonly supervisor: SessionSupervisor;
  readonly exchanges: readonly SimulatedExchange[];
  exchange(init: ExchangeInit): SimulatedExchange;
}

export class ModernTraffic {
  /** Those for which a server was to be built; until nothing can come of them any more. */
  lives: ModernLife[] = [];
  readonly #world: TrafficWorld;
  readonly #sdk: ModernSdk | undefined;
  readonly #listens = new Map<SimulatedExchange, SeenListen>();

  constructor(world: TrafficWorld, sdk: ModernSdk | undefined) {
    this.#world = world;
    this.#sdk = sdk;
  }

  /** Sends one, with somebody's session id where one is given. */
  send(client: SimulatedClient, ask: ModernAsk, how: number, holds: number, sessionId?: string): SimulatedExchange {
    const world = this.#world;
    if (world.settled) this.#forget();
    const token = ask.what === 'call' ? world.token() : '';
    const id = client.nextModern++;
    const { headers, body } = written(ask, id, token, how);
    const request = { id, token, cancelled: false, refused: false, repeated: false, responses: [] };
    const exchange = world.exchange({
      kind: 'modern',
      client: client.index,
      sessionId: undefined,
      headers: { ...client.postHeaders(sessionId), ...headers },
      body,
      stream: newStream(undefined, [request]),
      holds,
      modern: ask,
    });
    if (ask.wants !== undefined) {
      this.#listens.set(exchange, { exchange, wants: ask.wants, acknowledged: false, due: [] });
    }
    return exchange;
  }

  /** The factory is called for one. */
  build(context: SessionContext): Promise<never> {
    const world = this.#world;
    const exchange = world.exchanges.find(({ name }) => name === context.headers[NAME_HEADER]);
    if (exchange === undefined || this.#sdk === undefined) throw new Error('No such request');
    const life = new ModernLife(exchange, world.now, world);
    this.lives.push(life);
    return life.build(this.#sdk, context) as Promise<never>;
  }

  get listens(): IterableIterator<SeenListen> {
    return this.#listens.values();
  }

  lifeOf(exchange: SimulatedExchange): ModernLife | undefined {
    return this.lives.find((life) => life.exchange === exchange);
  }

  /** Whether there is room for one that has just been let in; undefined where that can't be told from outside. */
  room(exchange: SimulatedExchange): Room | undefined {
    const { exchanges, settings, settled } = this.#world;
    const others = exchanges.filter((other) => other !== exchange && other.kind === 'modern');
    // Who is on a connection with others, or reads slowly, may be answered already; who is gone, not be missed yet.
    const isSure = ({ open, pipelined, reading }: SimulatedExchange) => open && reading && !pipelined;
    if (!settled || exchange.within !== undefined || !others.every(isSure)) return undefined;
    const served = others.filter(isServed);
    return {
      full: served.length >= settings.maxModernRequests,
      principalFull:
        served.filter(({ principal }) => principal === exchange.principal).length >=
        settings.maxModernRequestsPerPrincipal,
    };
  }

  /** The embedder tells that something has changed. */
  publish(what: string): void {
    const { notify } = this.#world.supervisor;
    const { draining, settled } = this.#world;
    for (const { acknowledged, due, exchange, wants } of this.#listens.values()) {
      if (what !== 'tools' && !wants.uris.includes(what)) continue;
      if (what === 'tools' && !wants.tools) continue;
      due.push({ what, certain: settled && !draining && acknowledged && exchange.open && exchange.reading });
    }
    if (what === 'tools') notify.toolsChanged();
    else notify.resourceUpdated(what);
  }

  /** A message came that is no response. Returns what is wrong with that. */
  received(exchange: SimulatedExchange, message: WireMessage): string | undefined {
    const { name, stream } = exchange;
    const { method, params } = message;
    const listen = this.#listens.get(exchange);
    if (listen === undefined) {
      const told = this.lifeOf(exchange)?.told ?? [];
      const { token = '' } = params ?? {};
      const next = told[stream.tokens.length];
      stream.tokens.push(token);
      return token === next ? undefined : `${name} gets ${JSON.stringify(message)}, and ${next} would be next`;
    }
    if (method === 'notifications/subscriptions/acknowledged') {
      if (listen.acknowledged) return `${name} is acknowledged twice`;
      listen.acknowledged = true;
      return undefined;
    }
    if (!listen.acknowledged) return `${name} is told something before it is acknowledged`;
    const what = method === 'notifications/tools/list_changed' ? 'tools' : params?.uri;
    const index = listen.due.findIndex((notice) => notice.what === what);
    const missing = listen.due.slice(0, Math.max(0, index)).find(({ certain }) => certain);
    if (index < 0 || missing !== undefined) return `${name} is told of ${what}, and ${missing?.what} would be next`;
    const [told] = listen.due.splice(0, index + 1).slice(-1);
    // Where one that need not have been told looks like a later one, it may have been that.
    const same =
      told?.certain === false ? listen.due.find((notice) => notice.certain && notice.what === what) : undefined;
    if (same !== undefined) same.certain = false;
    return undefined;
  }

  /**
   * Nothing goes on by itself: what a reader has not been told by now, he never will be. On a connection with others his
   * stream may be open, and come to him when theirs have ended.
   */
  settle(): void {
    for (const { due, exchange } of this.#listens.values()) {
      if (exchange.pipelined || (exchange.isStream && !exchange.reading)) continue;
      const left = due.filter(({ certain }) => certain);
      due.splice(0, due.length, ...left);
    }
  }

  /** Those of which nothing can come any more. */
  #forget(): void {
    this.lives = this.lives.filter(
      ({ built, cleanups, closing, exchange, handling, starting }) =>
        exchange.open || starting || closing || handling !== undefined || (built && cleanups === 0),
    );
    for (const exchange of this.#listens.keys()) if (!exchange.open) this.#listens.delete(exchange);
  }
}

/** It has its place among those that are served, once nothing goes on by itself. */
export function isServed({ found, isStream, modern, open, status }: SimulatedExchange): boolean {
  // What only its body says to be of no session is refused for that as soon as it is read.
  return modern !== undefined && modern.spoil !== 'header' && found && open && (status === undefined || isStream);
}

/** What may wait of one, by what it asks for. */
export const MODERN_HOLDS = HOLD.factory | HOLD.cleanup | HOLD.body | HOLD.reader | HOLD.answer;
