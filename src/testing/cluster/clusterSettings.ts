/** How a simulated cluster is set up, and what may go wrong in it. */

/** `drains`: nodes are only replaced; `kills`: and killed; `storms`: and everything else. */
export type Trouble = 'drains' | 'kills' | 'storms';

export interface ClusterSettings {
  readonly nodes: number;
  readonly trouble: Trouble;
  readonly eventStore: boolean;
  /** Answers are JSON, no streams. */
  readonly json: boolean;
  readonly leaseTime: number;
  readonly idleTimeout: number;
  readonly parkAfter: number | undefined;
}

const LEASE_TIME = 5_000;
const IDLE_TIMEOUT = 90_000;
const PARK_AFTER = 8_000;

export function settingsOf(number: number): ClusterSettings {
  return {
    nodes: 2 + (number % 3),
    trouble: (['drains', 'kills', 'storms', 'storms'] as const)[(number >> 2) % 4] ?? 'storms',
    eventStore: (number & 16) === 0,
    json: (number & 96) === 96,
    leaseTime: LEASE_TIME,
    idleTimeout: (number & 384) === 384 ? IDLE_TIMEOUT : Number.POSITIVE_INFINITY,
    parkAfter: (number & 512) === 0 ? undefined : PARK_AFTER,
  };
}
