/** What the clients of a simulated cluster know: of their sessions, and of each request that they have sent. */
import type { SimulatedNode } from './simulatedNode.ts';

/** A session, as its client knows it. */
export interface Known {
  readonly id: string;
  readonly owner: number;
  /** The highest number that was acknowledged. */
  acknowledged: number;
  /** The numbers that its calls of `add` were answered, and which call it was. */
  readonly numbers: Map<number, string>;
  /** How many calls of `add` have been sent. */
  attempts: number;
  /** Somebody has asked for its end. */
  ending: boolean;
  /** Its end was acknowledged. */
  ended: boolean;
  /** The highest epoch of an answer. */
  epoch: number;
  /** Which server answered in each epoch. */
  readonly servers: Map<number, number>;
  /** Its client has heard of it or asked for it last, in ms. */
  usedAt: number;
}

export type What = 'initialize' | 'add' | 'add slowly' | 'read' | 'tell' | 'listen' | 'resume' | 'delete';

/** A request of a client, until it is over. */
export interface Asked {
  readonly name: string;
  readonly what: What;
  readonly client: number;
  /** Undefined for an initialize. */
  readonly known: Known | undefined;
  readonly node: SimulatedNode;
  readonly begun: number;
  /** What was acknowledged when it was sent. */
  readonly acknowledged: number;
  readonly epoch: number;
  readonly ended: boolean;
  readonly stop: AbortController;
  /** It goes on. */
  open: boolean;
  /** It has a status. */
  status: number | undefined;
  /** Its client has gone. */
  left: boolean;
  /** It has the answer that it asked for. */
  answered: boolean;
  /** The id of the last event that came. */
  lastEventId: string | undefined;
  /** What it resumes. */
  readonly resumes: Asked | undefined;
}

/** A message of an answer. */
export interface Said {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}
