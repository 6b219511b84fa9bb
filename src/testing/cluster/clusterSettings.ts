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

const TROUBLES = ['drains', 'kills', 'kills', 'storms', 'storms'] as const;

const LEASE_TIME = 5_000;
const IDLE_TIMEOUT = 90_000;
const PARK_AFTER = 8_000;

export function settingsOf(number: number): ClusterSettings {
  return {
    nodes: 2 + (number % 3),
    trouble: TROUBLES[(number >> 2) % TROUBLES.length] ?? 'storms',
    eventStore: (number & 32) === 0,
    json: (number & 192) === 192,
    leaseTime: LEASE_TIME,
    idleTimeout: (number & 768) === 768 ? IDLE_TIMEOUT : Number.POSITIVE_INFINITY,
    parkAfter: (number & 1_024) === 0 ? undefined : PARK_AFTER,
  };
}
