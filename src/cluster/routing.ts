/**
 * Finds out where a session is, cheapest first: the node that its id names, or the one that had it a moment ago; then its
 * record, and whether the life that owns it goes on. Three verdicts are kept apart: a session that is gone (404), one that
 * is elsewhere and can't be had now (held, then 503), and nobody knows (held, then 503).
 */
import type { TimerClock } from '../clock.ts';
import { type RefusalName, SupervisorError } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { NodeLife } from '../stores/directory.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { Place, Sought } from '../supervisor/clusterNode.ts';
import type { SessionInfo } from '../supervisor/sessionInfo.ts';
import type { Lives } from './lives.ts';
import type { Membership } from './membership.ts';
import type { NodeIds } from './nodeIds.ts';
import type { Owners } from './owners.ts';
import type { Forwarded, Peers } from './peers.ts';
import type { Vigils } from './vigils.ts';

/** Pauses before somebody is asked again, in ms: at first, and at most. */
const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 1_000;

/** Requests that are held at a time. */
export const MAX_HELD = 16_384;

export interface RoutingHost {
  readonly timers: TimerClock;
  /** Monotonic, in ms. */
  readonly now: () => number;
  readonly accepting: boolean;
  readonly restoreTimeout: number;
  /** The record of a session that is this principal's; or why there is none to be had. */
  find(id: string, principal: string | undefined): Promise<SessionRecord | RefusalName>;
  /** The record of a session, whosever it is. */
  read(id: string): Promise<SessionRecord | 'sessionNotFound' | 'storeUnavailable'>;
  /** Ends the session of a record that nobody has; `fenced` where somebody has it by now. */
  end(record: SessionRecord, reason: EndReason): Promise<'removed' | 'gone' | 'fenced' | 'storeUnavailable'>;
  /** A life of this node, for which requests wait. */
  whenOwner(until: number): Promise<string | undefined>;
}

export interface RoutingParts {
  readonly ids: NodeIds;
  readonly membership: Membership;
  readonly lives: Lives;
  readonly vigils: Vigils;
  readonly owners: Owners;
  readonly peers: Peers;
}

/** Who has a session: nobody else, a life elsewhere, or nobody knows. */
type Owner = 'nobody' | NodeLife | 'unknown';

export class Routing {
  held = 0;
  readonly #host: RoutingHost;
  readonly #parts: RoutingParts;

  constructor(host: RoutingHost, parts: RoutingParts) {
    this.#host = host;
    this.#parts = parts;
  }

  async seek(sought: Sought): Promise<Place> {
    const hinted = sought.forwarded === undefined ? await this.#byHint(sought) : undefined;
    if (hinted !== undefined) return hinted;
    let pause = FIRST_PAUSE;
    let refusal: RefusalName = 'sessionElsewhere';
    for (;;) {
      // A node that drains needs no life of its own to send others what they are to answer.
      if ((await this.#host.whenOwner(sought.until)) === undefined && this.#host.accepting) return 'notJoined';
      const record = await this.#host.find(sought.id, sought.principal);
      let from: string | undefined;
      if (record === 'storeUnavailable') {
        refusal = record;
      } else if (typeof record === 'string') {
        return record;
      } else {
        const owner = await this.ownerOf(record);
        if (owner === 'nobody' && (this.#host.accepting || sought.exchange.method === 'DELETE')) return record;
        if (owner === 'unknown') refusal = 'storeUnavailable';
        else if (sought.forwarded !== undefined) return this.#sendBack(sought, owner);
        else {
          refusal = 'sessionElsewhere';
          const place = await this.#try(sought, owner);
          if (place.outcome === 'answered' || place.outcome === 'lost') return 'answered';
          if (place.outcome === 'unreached') from = place.life?.id;
          if (owner === 'nobody' && place.life === undefined) refusal = 'draining'; // and there is no other node
        }
      }
      if (!(await this.#hold(sought, pause, from))) return this.held >= MAX_HELD ? 'tooManyRestores' : refusal;
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  /** Who has the session of a record now. */
  async ownerOf({ owner }: SessionRecord): Promise<Owner> {
    const { membership, lives } = this.#parts;
    if (owner === undefined || owner === membership.life?.id || membership.wasOurs(owner)) return 'nobody';
    try {
      return (await lives.ask(owner)) ?? 'nobody';
    } catch {
      return 'unknown';
    }
  }

  /**
   * How a session is, as the node says that has it; or its record, where nobody has it. Undefined where there is none;
   * `unknown` where nobody says.
   */
  async look(id: string): Promise<SessionInfo | SessionRecord | 'unknown' | undefined> {
    const until = this.#host.now() + this.#host.restoreTimeout;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const record = await this.#host.read(id);
      if (typeof record === 'string') return record === 'sessionNotFound' ? undefined : 'unknown';
      const owner = await this.ownerOf(record);
      if (owner === 'nobody') return record;
      if (owner === 'unknown') return owner;
      const info = await this.#parts.peers.look(owner, this.#parts.membership.last, id);
      if (typeof info === 'object') return info;
      if (this.#host.now() + pause > until) return 'unknown';
      await this.#sleep(pause); // it is on its way to somebody else, or its node may be gone
    }
  }

  /** @throws {SupervisorError} `STORE_FAILED` */
  async terminate(id: string, reason: EndReason): Promise<boolean> {
    const until = this.#host.now() + this.#host.restoreTimeout;
    let pause = FIRST_PAUSE;
    for (;;) {
      const record = await this.#host.read(id);
      if (record === 'sessionNotFound') return false;
      if (record !== 'storeUnavailable') {
        const owner = await this.ownerOf(record);
        if (owner === 'nobody') {
          const outcome = await this.#host.end(record, reason);
          if (outcome === 'removed' || outcome === 'gone') return outcome === 'removed';
        } else if (owner !== 'unknown') {
          const outcome = await this.#parts.peers.terminate(owner, this.#parts.membership.last, id, reason);
          if (outcome === 'terminated' || outcome === 'gone') return outcome === 'terminated';
        }
      }
      if (this.#host.now() + pause > until) throw new SupervisorError('STORE_FAILED', NOBODY_ENDED);
      await this.#sleep(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  /** Has it answered by the node that had it a moment ago, or that its id names; undefined where that does not have it. */
  async #byHint(sought: Sought): Promise<Place | undefined> {
    const { ids, membership, lives, owners, peers } = this.#parts;
    const own = membership.life;
    const node = ids.nodeOf(sought.id);
    if (node === undefined) return 'sessionNotFound';
    if (own === undefined && this.#host.accepting) return undefined;
    const known = owners.get(sought.id);
    if (known === undefined && node === own?.node) return undefined;
    const hint = await (known === undefined ? lives.named(node) : lives.find(known)).catch(() => undefined);
    if (hint === undefined || hint.id === own?.id) return undefined;
    const { outcome } = await peers.forward(hint, membership.last, sought);
    if (outcome === 'answered' || outcome === 'lost') return 'answered';
    owners.delete(sought.id);
    if (outcome === 'unreached') lives.forget(hint);
    return undefined;
  }

  #sendBack({ forwarded }: Sought, owner: Exclude<Owner, 'unknown'>): Place {
    forwarded?.moved(owner === 'nobody' ? undefined : owner.id);
    return 'answered';
  }

  /** Has it answered by its owner; or, where it has none and this node drains, by any other node. */
  async #try(sought: Sought, owner: Exclude<Owner, 'unknown'>): Promise<Forwarded & { readonly life?: NodeLife }> {
    const { membership, lives, owners, peers } = this.#parts;
    const from = membership.last;
    const life = owner === 'nobody' ? await lives.other(new Set([from])).catch(() => undefined) : owner;
    if (life === undefined) return { outcome: 'moved' };
    const forwarded = await peers.forward(life, from, sought);
    if (forwarded.outcome === 'answered') owners.set(sought.id, life.id);
    else owners.delete(sought.id);
    if (forwarded.outcome === 'unreached') lives.forget(life);
    return { ...forwarded, life };
  }

  /** Waits for a moment, or for the end of a life; false where there is no time left, or too many wait. */
  async #hold({ until, exchange }: Sought, pause: number, life: string | undefined): Promise<boolean> {
    const left = until - this.#host.now();
    if (left <= 0 || exchange.closed || this.held >= MAX_HELD) return false;
    this.held++;
    try {
      const ms = Math.min(pause, left);
      await (life === undefined ? this.#sleep(ms) : this.#parts.vigils.wait(life, ms));
    } finally {
      this.held--;
    }
    return true;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#host.timers.setTimeout(resolve, ms));
  }
}

const NOBODY_ENDED =
  'The node that has the session could not be reached, or nobody knows which one it is, so nothing was ended: try again';
