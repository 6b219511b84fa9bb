/** What a metric is: its name, its labels with the values that they can have, and where its numbers come from. */
import type { SupervisorStats } from '../index.ts';

export const SUPERVISOR_STATES = ['accepting', 'draining', 'stopped'] as const;

/** How a supervisor stands. */
export type SupervisorState = (typeof SUPERVISOR_STATES)[number];

/** One number, and what it is of. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Values that a label can have: all of them, or in words where others name them. */
export type LabelValues = readonly string[] | string;

interface Described {
  /** As OpenTelemetry has it; Prometheus' name follows from it. */
  readonly name: string;
  /** In UCUM: `s`, `By`, `{session}`. */
  readonly unit: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
}

/** A metric that is read when somebody asks: `counter` only grows, `gauge` is how it is now. */
export interface ReadMetric extends Described {
  readonly kind: 'counter' | 'gauge';
  /** Undefined where this supervisor has no such thing. */
  read(stats: SupervisorStats, state: SupervisorState): readonly Reading[] | undefined;
}

/** A metric of durations, each of which is told when it is over. */
export interface TimedMetric extends Described {
  readonly kind: 'histogram';
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[];
}
