/** What the supervisor knows of requests without sessions (MCP 2026-07-28): that there are some, and that they end. */
import type { RefusalName } from '../errors.ts';
import type { ClientInfo } from '../protocol/initialize.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { ModernStats } from './tally.ts';

/** The place of one such request among those that there may be at a time. */
export interface ModernPlace {
  /** Answers it; `body` is what was parsed. Never rejects. */
  answer(body: unknown): Promise<void>;
  /** It is none of them after all. */
  release(): void;
}

/** What a listen stream wants to hear of. */
export interface ListenWish {
  /** That the list of tools changed, and so on. */
  readonly tools: boolean;
  readonly prompts: boolean;
  readonly resources: boolean;
  /** How many resources it wants to hear of by themselves. */
  readonly uris: number;
}

/** A listen stream of 2026-07-28 as it is now. */
export interface ListenInfo {
  /** Names it in this process, and is none of the protocol's. */
  readonly id: string;
  readonly state: 'opening' | 'open' | 'closing' | 'ended';
  readonly principal: string | undefined;
  /** Who the client says it is, if it does. */
  readonly clientInfo: ClientInfo | undefined;
  /** ms since the epoch. */
  readonly openedAt: number;
  readonly wants: ListenWish;
  /** Messages that were sent on it. */
  readonly sent: number;
}

/** What may change at a server (SDK v2's `ServerEvent`). */
export type Change =
  | { readonly kind: 'tools_list_changed' | 'prompts_list_changed' | 'resources_list_changed' }
  | { readonly kind: 'resource_updated'; readonly uri: string };

export interface ModernEra {
  /** No request is being served, and no server is left of one. */
  readonly empty: boolean;
  /** Servers of theirs that are being built, and that are being closed. */
  readonly servers: { readonly starting: number; readonly closing: number };
  readonly stats: ModernStats;
  /** Takes in a request until its exchange has ended; returns why there is no room for it, if so. */
  admit(exchange: Exchange, principal: string | undefined): ModernPlace | RefusalName;
  /** Tells the listen streams that want to hear of it. */
  publish(change: Change): void;
  listening(): IterableIterator<ListenInfo>;
  /** A drain begins: streams that would never end by themselves do now. */
  endStreams(): void;
  /** The time of a drain is up. */
  endAll(): void;
}
