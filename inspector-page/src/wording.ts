/** How times and counts are written, and what the ending reasons mean (as they go on after "it"). */
import type { EndedRow } from '../../src/inspector/protocol.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time, in two units at most. */
export function duration(ms: number): string {
  const left = Math.max(0, ms);
  if (left < 10 * SECOND) return `${(left / SECOND).toFixed(1)} s`;
  if (left < MINUTE) return `${Math.floor(left / SECOND)} s`;
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min ${Math.floor((left % MINUTE) / SECOND)} s`;
  if (left < DAY) return `${Math.floor(left / HOUR)} h ${Math.floor((left % HOUR) / MINUTE)} min`;
  return `${Math.floor(left / DAY)} d ${Math.floor((left % DAY) / HOUR)} h`;
}

/** The time of day, to the millisecond. */
export function clockTime(at: number): string {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** 12345 as 12 345. */
export function count(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f');
}

export const REASONS: Readonly<Record<EndedRow['reason'], string>> = {
  idle: 'had nothing in flight for the idle timeout',
  deleted: 'was ended by its client (DELETE)',
  evicted: 'was ended to make room for another',
  lifetime: 'reached the longest lifetime',
  initializeTimeout: 'was not initialized in time',
  crashed: 'ended because its server failed',
  drained: 'ended because the supervisor was drained',
  terminated: 'was ended by the application, or by hand',
  closed: 'was closed by its own server',
  unrestorable: 'could not be brought back from its record',
};
