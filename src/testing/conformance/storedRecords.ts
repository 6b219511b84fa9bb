/** What the cases of the session store's contract store: records that can be told apart, and every shape of their parts. */
import type { RecordChange, SessionRecord } from '../../index.ts';

/** The time of a record, in ms since the epoch: long ago, so that it goes before what a store may hold of others. */
const LONG_AGO = 1_000_000;

/** A record like many. It never expires. */
export function plainRecord(id: string, but: Partial<SessionRecord> = {}): SessionRecord {
  return {
    format: 1,
    id,
    epoch: 1,
    principal: null,
    createdAt: LONG_AGO,
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { roots: { listChanged: true } },
      clientInfo: { name: 'conformance', version: '1.0.0' },
    },
    protocolVersion: '2025-11-25',
    capabilities: { tools: {}, logging: {} },
    initialized: false,
    logLevel: null,
    subscriptions: [],
    state: '{}',
    lastActiveAt: LONG_AGO,
    idleDeadline: null,
    lifetimeDeadline: null,
    parkedAt: null,
    history: [],
    ...but,
  };
}

const ODD = 'ä€🚀 \u2028\u2029 "\\/ \n\r\t \u007f \u0000 e\u0301 \ud800';

function nested(depth: number): Readonly<Record<string, unknown>> {
  let value: Readonly<Record<string, unknown>> = { bottom: true };
  for (let n = 0; n < depth; n++) value = { deeper: [value] };
  return value;
}

/** Records whose parts are unlike the plain one's. */
export const ODD_RECORDS: readonly Partial<SessionRecord>[] = [
  { principal: '' },
  { principal: 'null' },
  { principal: ODD },
  { principal: 'p'.repeat(5_000) },
  { initialize: JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null,"":[[],{},-0.5,1e300]}') },
  { initialize: { text: ODD, [ODD]: null } },
  { initialize: nested(100), capabilities: nested(50) },
  { protocolVersion: ODD, logLevel: ODD },
  { subscriptions: ['', ODD, 'file:///a', 'file:///a'], history: [[0, ODD, 0]] },
  { subscriptions: Array.from({ length: 1_000 }, (_, n) => `file:///resource/${n}`) },
  { state: JSON.stringify({ text: ODD, '': null, list: [1, [2, { three: 3 }]] }) },
  { state: '{ "spaced" : 1,\n\t"__proto__" : { "a" : 2 } }' },
  { createdAt: 0, lastActiveAt: 8.64e15, idleDeadline: 8.64e15, lifetimeDeadline: 8.64e15 },
  {
    initialized: true,
    history: Array.from({ length: 256 }, (_, n) => [n * 1_000, 'request', n] as const),
  },
];

/** A record of nearly 1 MiB, most of which is state. */
export const LARGE: Partial<SessionRecord> = { state: JSON.stringify({ large: '€'.repeat(320_000) }) };

/** A change of each member that can be changed. */
export const CHANGES: readonly RecordChange[] = [
  { initialized: true },
  { logLevel: 'debug' },
  { subscriptions: ['file:///a', ODD] },
  { state: '{"key":{"value":[1,2,3]}}' },
  { lastActiveAt: LONG_AGO + 1 },
  { idleDeadline: 8.64e15 },
  { history: [[1, 'opened', 1]] },
];

/** A record as it can be compared: its state may be written in more ways than one. */
export function comparable({ state, ...rest }: SessionRecord): unknown {
  return { ...JSON.parse(JSON.stringify(rest)), state: JSON.parse(state) };
}
