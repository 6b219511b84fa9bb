/**
 * Whether requests should be sent here. The session store is asked whether it answers, once for all who want to know within
 * a second, so that a flood of probes is one question.
 */
import type { Clock } from '../clock.ts';
import type { SessionStore } from '../stores/sessionStore.ts';
import { atMost } from './atMost.ts';

/** How long the store may take to answer, and for how long its answer counts, in ms. */
const STORE_PATIENCE = 1_000;
const ANSWER_COUNTS = 1_000;

/** What the store is asked for: no session has this id, because nobody could tell that it is one. */
const NOBODY = 'readiness';

/** Why a process is not ready for requests. */
export type NotReadyReason =
  /** It drains, is about to (`drain({ delay })`), or has drained. */
  | 'draining'
  /** This node is not in its cluster: it has not joined yet, or its lease is not certain any more. */
  | 'notJoined'
  /** The session store failed, or did not answer within 1 s. */
  | 'storeUnavailable';

/** Whether requests should be sent here, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  /** None where it is ready. */
  readonly reasons: readonly NotReadyReason[];
}

/** What it is read from. */
export interface Judged {
  readonly accepting: boolean;
  readonly owner: string | null | undefined;
  readonly options: { readonly clock: Clock };
  readonly shelf: { readonly records: { readonly store: Pick<SessionStore, 'load'> } } | undefined;
}

/** Says whether requests should be sent here; `isLeaving` while a drain is about to begin. */
export function readinessOf(judged: Judged, isLeaving: () => boolean): () => Promise<Readiness> {
  const { shelf, options } = judged;
  const pulse = shelf && new Pulse(shelf.records.store, options.clock);
  return async () => {
    const answers = await pulse?.answers();
    const reasons: NotReadyReason[] = [];
    if (!judged.accepting || isLeaving()) reasons.push('draining');
    if (judged.owner === null) reasons.push('notJoined');
    if (answers === false) reasons.push('storeUnavailable');
    return { ready: reasons.length === 0, reasons };
  };
}

class Pulse {
  readonly #store: Pick<SessionStore, 'load'>;
  readonly #clock: Clock;
  #asked: Promise<boolean> | undefined;
  /** When what was asked has been answered; undefined while it has not. */
  #answeredAt: number | undefined;

  constructor(store: Pick<SessionStore, 'load'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Whether the store answers. Never rejects. */
  answers(): Promise<boolean> {
    const age = this.#answeredAt === undefined ? 0 : this.#clock.now() - this.#answeredAt;
    // A clock that was set back makes no answer last.
    if (this.#asked === undefined || age >= ANSWER_COUNTS || age < 0) this.#asked = this.#ask();
    return this.#asked;
  }

  async #ask(): Promise<boolean> {
    this.#answeredAt = undefined;
    let answered = false;
    const question = (async () => this.#store.load(NOBODY))().then(
      () => {
        answered = true;
      },
      () => {}, // whatever is wrong, whoever needs the store has it in the log
    );
    await atMost(this.#clock, STORE_PATIENCE, question);
    this.#answeredAt = this.#clock.now();
    return answered;
  }
}
