/**
 * Sessions as the page is told of them: ids and principals replaced unless they are revealed, texts cut to a length and
 * without characters that a browser would not show as themselves.
 */

import type { Pseudonyms } from '../door/pseudonym.ts';
import { cut } from '../door/shownText.ts';
import type { EndReason, HandleInfo, ListenInfo, SessionInfo } from '../index.ts';
import type { EndedRow, HandleRow, HistoryLine, ListenRow, ParkedRow, Row } from './protocol.ts';

const LONGEST_PRINCIPAL = 200;

/** Lines of a black box in one frame, and kept of one session that is parked or has ended. */
const MOST_LINES = 256;

export interface RowsOptions {
  readonly revealIds: boolean;
  readonly revealPrincipals: boolean;
  /** In ms; null is for ever. */
  readonly idleTimeout: () => number | null;
}

export class Rows {
  readonly #names: Pseudonyms;
  readonly #options: RowsOptions;

  constructor(names: Pseudonyms, options: RowsOptions) {
    this.#names = names;
    this.#options = options;
  }

  keyOf(id: string): string {
    return this.#names.of(id);
  }

  row(key: string, info: SessionInfo): Row {
    const { id, state, inFlight, calls, openStreams, createdAt, lastActiveAt, principal, clientInfo } = info;
    const { protocolVersion, epoch } = info;
    return {
      key,
      ...(this.#options.revealIds && { id }),
      state,
      inFlight,
      calls,
      openStreams,
      createdAt,
      lastActiveAt,
      idleDeadline: this.idleDeadline(info),
      principal: this.#owner(principal),
      client: clientOf(clientInfo),
      protocolVersion: protocolVersion === undefined ? null : cut(protocolVersion),
      epoch,
    };
  }

  handleRow({ id, name, state, inFlight, createdAt, lastActiveAt, idleDeadline, principal }: HandleInfo): HandleRow {
    return {
      key: this.keyOf(id),
      ...(this.#options.revealIds && { id }),
      name,
      state,
      inFlight,
      createdAt,
      lastActiveAt,
      idleDeadline: idleDeadline ?? null,
      principal: this.#owner(principal),
    };
  }

  listenRow({ id, state, principal, clientInfo, openedAt, wants, sent }: ListenInfo): ListenRow {
    const { tools, prompts, resources, uris } = wants;
    const lists = Object.entries({ tools, prompts, resources }).flatMap(([name, wanted]) => (wanted ? [name] : []));
    return {
      key: `listen ${id}`,
      state,
      principal: this.#owner(principal),
      client: clientOf(clientInfo),
      openedAt,
      wants: uris === 0 ? lists : [...lists, `${uris} by URI`],
      sent,
    };
  }

  parkedRow(key: string, info: SessionInfo, parkedAt: number): ParkedRow {
    return { ...this.row(key, info), state: 'parked', parkedAt };
  }

  endedRow(key: string, info: SessionInfo, reason: EndReason, endedAt: number): EndedRow {
    return { ...this.row(key, info), state: 'terminated', reason, endedAt };
  }

  idleDeadline({ state, lastActiveAt }: Pick<SessionInfo, 'state' | 'lastActiveAt'>): number | null {
    if (state !== 'idle' && state !== 'parked') return null;
    const timeout = this.#options.idleTimeout();
    return timeout === null ? null : lastActiveAt + timeout;
  }

  #owner(principal: string | undefined): string | null {
    if (principal === undefined) return null;
    const shown = this.#options.revealPrincipals ? principal : this.#names.of(`principal ${principal}`);
    return cut(shown, LONGEST_PRINCIPAL);
  }
}

function clientOf(info: SessionInfo['clientInfo'] | undefined): Row['client'] {
  return info === undefined ? null : { name: cut(info.name), version: cut(info.version) };
}

/** The last lines of a black box, and how many are left out. */
export function lastLines({ history }: SessionInfo): { history: readonly HistoryLine[]; omitted: number } {
  return { history: history.slice(-MOST_LINES), omitted: Math.max(0, history.length - MOST_LINES) };
}
