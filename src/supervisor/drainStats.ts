/** How far a drain has come, as an embedder sees it. */
import type { ResolvedOptions } from '../options.ts';

/** A drain that was asked for. Times are in ms since the epoch, by the supervisor's clock. */
export interface DrainStats {
  /**
   * `leaving`: its delay runs, and everything is served. `draining`: calls in flight may finish. `stopped`: nothing is left.
   */
  readonly phase: 'leaving' | 'draining' | 'stopped';
  /** When it was asked for, while it is `leaving`; else when it began. */
  readonly since: number;
  /** When the delay is over, or calls in flight have had their time; null where they may take as long as they like. */
  readonly until: number | null;
}

/** A drain that begins now. */
export function drainBegins(
  { clock, shutdownTimeout }: Pick<ResolvedOptions, 'clock' | 'shutdownTimeout'>,
  timeout: number = shutdownTimeout,
): DrainStats {
  const since = clock.now();
  return { phase: 'draining', since, until: timeout === Number.POSITIVE_INFINITY ? null : since + timeout };
}
