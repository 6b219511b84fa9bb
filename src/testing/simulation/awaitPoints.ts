/**
 * The await points of a simulation: wherever something outside of the supervisor could take its time (a server, a
 * store, a client), it waits here until the schedule lets it go on, or fail.
 */

/** Somebody waits here. */
export interface AwaitPoint {
  /** The number of the client that it is about. */
  readonly client: number;
  /** What waits, for the trace. */
  readonly what: string;
  /** It can also fail. */
  readonly canFail: boolean;
  /** Who waits. */
  readonly owner: object;
  /** Goes on, or fails with this error. */
  release(failure?: Error): void;
}

export class AwaitPoints {
  readonly #waiting: AwaitPoint[] = [];

  /** Waits until the point is released. Rejects when it is released with a failure. */
  reach(owner: object, client: number, what: string, canFail = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const point: AwaitPoint = {
        owner,
        client,
        what,
        canFail,
        release: (failure) => {
          const index = this.#waiting.indexOf(point);
          if (index < 0) return;
          this.#waiting.splice(index, 1);
          if (failure === undefined) resolve();
          else reject(failure);
        },
      };
      this.#waiting.push(point);
    });
  }

  /** Lets all of this owner's go on. */
  releaseAll(owner: object): void {
    for (const point of [...this.#waiting]) if (point.owner === owner) point.release();
  }

  /** Those that wait, the longest waiting one first. */
  get waiting(): readonly AwaitPoint[] {
    return this.#waiting;
  }
}
