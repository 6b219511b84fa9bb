/** Who waits for a session to leave this process, and to be torn down. */
export class Departure {
  readonly #onLeft: (() => void)[] = [];
  readonly #onTorn: (() => void)[] = [];

  whenLeft(): Promise<void> {
    return new Promise((resolve) => void this.#onLeft.push(resolve));
  }

  whenTorn(): Promise<void> {
    return new Promise((resolve) => void this.#onTorn.push(resolve));
  }

  left(): void {
    for (const resolve of this.#onLeft) resolve();
  }

  torn(): void {
    for (const resolve of this.#onTorn) resolve();
  }
}
