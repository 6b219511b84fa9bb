/** An error that has with it what led to it, and the seed that leads to it again. */
export class TracedFailure extends Error {
  readonly seed: number;
  /** What happened, in readable lines. */
  readonly trace: readonly string[];

  constructor(seed: number, what: string, trace: readonly string[]) {
    super([`${what} (seed ${seed})`, '', ...trace].join('\n'));
    this.seed = seed;
    this.trace = trace;
  }
}
