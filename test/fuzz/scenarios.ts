/** Arbitrary runs: a server's options, connections, and what is done on them, in what order. */
import fc from 'fast-check';
import { type ByteMutation, byteMutation, completeRequest, type RequestSpec } from './requests.ts';

export const MODES = ['stream', 'json', 'eventStore', 'stateless'] as const;
export const EXTRAS = ['hosts', 'origins', 'cors', 'smallBodies', 'caps', 'principals', 'modern'] as const;

export interface World {
  readonly mode: (typeof MODES)[number];
  readonly extras: readonly (typeof EXTRAS)[number][];
}

/** Every connection sends whole requests, one or several at once; each has to be answered, in order. */
export interface PoliteScenario extends World {
  readonly kind: 'polite';
  /** For each connection: writes, each of one request or more (pipelined). */
  readonly connections: readonly (readonly (readonly RequestSpec[])[])[];
}

/** One thing done on one connection. */
export type WildStep = { readonly on: number } & (
  | { readonly do: 'send'; readonly requests: readonly RequestSpec[]; readonly mutations: readonly ByteMutation[] }
  | { readonly do: 'half-close' | 'destroy' | 'reset' | 'pause' | 'resume' | 'terminate' }
  | { readonly do: 'wait'; readonly ms: number }
);

/** Connections do as they please: bytes are broken, ends come early, time passes. */
export interface WildScenario extends World {
  readonly kind: 'wild';
  readonly steps: readonly WildStep[];
  /** How its sessions end: by force, or left alone until they are idle for too long. */
  readonly ending: 'terminate' | 'idle';
}

export type Scenario = PoliteScenario | WildScenario;

const world = {
  mode: fc.constantFrom(...MODES),
  extras: fc.subarray([...EXTRAS]),
};

const pipeline = fc.array(completeRequest, { minLength: 1, maxLength: 3 });

const polite: fc.Arbitrary<PoliteScenario> = fc.record({
  kind: fc.constant('polite'),
  ...world,
  connections: fc.array(fc.array(pipeline, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
});

const step: fc.Arbitrary<WildStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      on: fc.nat({ max: 2 }),
      do: fc.constant('send'),
      requests: pipeline,
      mutations: fc.array(byteMutation, { maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      on: fc.nat({ max: 2 }),
      do: fc.constantFrom('half-close', 'destroy', 'reset', 'pause', 'resume', 'terminate'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      on: fc.constant(0),
      do: fc.constant('wait'),
      ms: fc.constantFrom(1, 2_000, 15_000, 30_000, 60_000),
    }),
  },
);

const wild: fc.Arbitrary<WildScenario> = fc.record({
  kind: fc.constant('wild'),
  ...world,
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  ending: fc.constantFrom('terminate', 'idle'),
});

export const scenario: fc.Arbitrary<Scenario> = fc.oneof(polite, wild);
