/** Sessions as the API tells of them: ids and principals replaced unless they are revealed, texts of clients cut. */
import { Pseudonyms } from '../door/pseudonym.ts';
import { cut } from '../door/shownText.ts';
import type { SessionInfo } from '../index.ts';
import { SessionKeys } from './sessionKeys.ts';

const LONGEST_PRINCIPAL = 200;

/** Lines of a history in one answer. */
const MOST_LINES = 256;

export interface Revealed {
  readonly revealIds: boolean;
  readonly revealPrincipals: boolean;
}

/** A session as JSON. Times are in ms since the epoch. */
export type SessionRow = Readonly<Record<string, unknown>> & { readonly key: string };

export class SessionRows {
  readonly #revealed: Revealed;
  readonly #keys = new SessionKeys();
  readonly #names = new Pseudonyms();

  constructor(revealed: Revealed) {
    this.#revealed = revealed;
  }

  /** What a session is called in a URL: its key, or its id where somebody knows that. */
  idOf(name: string): string {
    return this.#keys.idOf(name) ?? name;
  }

  keyOf(id: string): string {
    return this.#keys.keyOf(id);
  }

  row({ id, history: _, principal, clientInfo, protocolVersion, ...plain }: SessionInfo): SessionRow {
    return {
      key: this.#keys.keyOf(id),
      ...(this.#revealed.revealIds && { id }),
      ...plain,
      principal: principal === undefined ? null : cut(this.#shown(principal), LONGEST_PRINCIPAL),
      client: clientInfo === undefined ? null : { name: cut(clientInfo.name), version: cut(clientInfo.version) },
      protocolVersion: protocolVersion === undefined ? null : cut(protocolVersion),
    };
  }

  /** The session with the last lines of its history. */
  whole(info: SessionInfo): SessionRow {
    const { history } = info;
    const omitted = Math.max(0, history.length - MOST_LINES);
    return { ...this.row(info), history: history.slice(-MOST_LINES), ...(omitted > 0 && { omitted }) };
  }

  /** Whether a session is of this principal, by its own name or the one that stands for it; `''` is nobody. */
  isOf({ principal }: SessionInfo, asked: string): boolean {
    if (principal === undefined) return asked === '';
    return principal === asked || this.#shown(principal) === asked;
  }

  #shown(principal: string): string {
    return this.#revealed.revealPrincipals ? principal : this.#names.of(principal);
  }
}
