/** Draws again after what the server told, at most once a frame of the screen, and no more often than it can be afforded. */
import { useEffect, useReducer } from 'preact/hooks';
import type { Sessions } from './sessions.ts';

/** What is drawn takes no more than about this share of the time. */
const SHARE = 0.2;

/** What the last drawing cost, in ms; given by whoever draws much. */
export interface Cost {
  current: number;
}

export function useFrames(sessions: Sessions, cost?: Cost): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    let drawn = 0;
    const later = (): void => {
      if (waiting !== undefined) return;
      const pause = Math.max(0, drawn + (cost?.current ?? 0) / SHARE - performance.now());
      waiting = setTimeout(() => {
        waiting = undefined;
        drawn = performance.now();
        draw(undefined);
      }, pause);
    };
    const stop = sessions.onFrame(later);
    return () => {
      stop();
      clearTimeout(waiting);
    };
  }, [sessions, cost]);
}

/** Draws again every so many ms: times pass though nothing is told. */
export function useTicks(every: number): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const ticks = setInterval(() => draw(undefined), every);
    return () => clearInterval(ticks);
  }, [every]);
}
