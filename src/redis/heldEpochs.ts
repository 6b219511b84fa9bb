/**
 * Which epochs of which sessions this process has made, by creating or claiming them: those are the ones at which its
 * incarnations write their events, also those of streams of earlier epochs, whose calls they answer.
 */

/** Sessions that are remembered. For one that was forgotten the epoch of the stream decides, which is stricter. */
const MAX_HELD = 100_000;

export class HeldEpochs {
  readonly #epochs = new Map<string, number>();

  /** @param tag The hash tag of the session. */
  hold(tag: string, epoch: number): void {
    this.#epochs.delete(tag);
    this.#epochs.set(tag, epoch);
    const [oldest] = this.#epochs.keys();
    if (this.#epochs.size > MAX_HELD && oldest !== undefined) this.#epochs.delete(oldest);
  }

  /** The session was parked, or has ended. */
  release(tag: string, epoch: number): void {
    if (this.#epochs.get(tag) === epoch) this.#epochs.delete(tag);
  }

  get(tag: string): number | undefined {
    return this.#epochs.get(tag);
  }
}
