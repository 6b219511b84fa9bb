/** Where the embedder's code waits until the schedule lets it go on. */

export interface Gate {
  readonly what: string;
  /** Goes on; with an error it throws that. */
  release(error?: Error): void;
}

export class Gates {
  readonly #waiting: Gate[] = [];

  /** The longest waiting one first. */
  get waiting(): readonly Gate[] {
    return this.#waiting;
  }

  wait(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const gate: Gate = {
        what,
        release: (error) => {
          this.#waiting.splice(this.#waiting.indexOf(gate), 1);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiting.push(gate);
    });
  }
}
