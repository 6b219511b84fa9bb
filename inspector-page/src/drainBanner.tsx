/** A drain, from when somebody wants it until nothing is left: the same words as in `stats().drain`. */
import type { Totals } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';
import { useFrames, useTicks } from './useFrames.ts';
import { count, duration } from './wording.ts';

export interface DrainBannerProps {
  readonly sessions: Sessions;
  /** The server has said so when it went. */
  readonly stopped: boolean;
}

export function DrainBanner({ sessions, stopped }: DrainBannerProps) {
  useFrames(sessions);
  useTicks(1_000);
  const { totals } = sessions;
  const phase = stopped ? 'stopped' : totals?.drain?.phase;
  if (totals === undefined || phase === undefined) return null;
  return (
    <section class={`panel drain ${phase}`} aria-label="Drain" data-phase={phase}>
      <b>{phase}</b> {phase === 'stopped' ? STOPPED : textOf(totals, sessions.now())}
    </section>
  );
}

const STOPPED = 'The supervisor was drained, and nothing is left. What is shown is how it was then.';

function textOf({ drain, states, calls, streams }: Totals, now: number): string {
  if (drain === undefined) return '';
  const more = drain.until === null ? undefined : duration(drain.until - now);
  if (drain.phase === 'leaving') {
    return `It is not ready any more, and serves everything that comes. The drain begins in ${more ?? 'a while'}.`;
  }
  const { initializing, restoring = 0, active, idle } = states;
  const left = `sessions ${count(initializing + restoring + active + idle)}, calls ${count(calls)}, streams ${count(streams)}`;
  const time = more === undefined ? 'Calls may take as long as they like.' : `Calls have ${more} more.`;
  return `For ${duration(now - drain.since)}. Left: ${left}. ${time}`;
}
