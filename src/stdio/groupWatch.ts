/**
 * Waits for groups to be empty. Nobody tells when a process ends that is not our child, so they are looked at: at once,
 * soon, and then less and less often; all that are due together, so that `/proc` is read once for them.
 */
import type { Clock } from '../clock.ts';
import { livingGroups, type ProcessGroup } from './processGroup.ts';

/** The first pause and the longest, in ms; and the longest for a group that has been waited for long. */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 100;
const PATIENT_AFTER = 10_000;
const PATIENT_PAUSE = 1_000;

interface Watched {
  readonly emptied: () => void;
  readonly since: number;
  pause: number;
  due: number;
}

export class GroupWatch {
  readonly #clock: Clock;
  readonly #watched = new Map<ProcessGroup, Watched>();
  #timer: unknown;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `emptied` once, from the event loop, when no living member is left. */
  watch(group: ProcessGroup, emptied: () => void): void {
    const now = this.#clock.now();
    this.#watched.set(group, { emptied, since: now, pause: FIRST_PAUSE, due: now });
    this.#plan(now);
  }

  /** Groups that were signalled are likely to be empty soon. */
  hurry(group: ProcessGroup): void {
    const watched = this.#watched.get(group);
    if (watched === undefined) return;
    const now = this.#clock.now();
    watched.pause = FIRST_PAUSE;
    watched.due = Math.min(watched.due, now + FIRST_PAUSE);
    this.#plan(now);
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#watched.clear();
    this.#plan(0);
  }

  #plan(now: number): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#watched.size === 0) return;
    const due = Math.min(...[...this.#watched.values()].map((watched) => watched.due));
    this.#timer = this.#clock.setTimeout(() => this.#look(), Math.max(0, Math.min(due - now, PATIENT_PAUSE)));
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    let groups: ReadonlyMap<number, number> | undefined;
    let scanned = false;
    const scan = () => {
      if (!scanned) groups = livingGroups();
      scanned = true;
      return groups;
    };
    const empty: Watched[] = [];
    for (const [group, watched] of this.#watched) {
      if (watched.due > now) continue;
      if (group.becameEmpty(scan)) {
        this.#watched.delete(group);
        empty.push(watched);
        continue;
      }
      watched.pause = now - watched.since > PATIENT_AFTER ? PATIENT_PAUSE : Math.min(2 * watched.pause, LONGEST_PAUSE);
      watched.due = now + watched.pause;
    }
    this.#plan(now);
    for (const { emptied } of empty) emptied();
  }
}
