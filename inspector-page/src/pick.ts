/** Which sessions the table shows, and in which order. */
import type { EndedRow, Row } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';

export interface Filter {
  /** `live` is every state but `terminated`. */
  readonly state: 'live' | Row['state'];
  readonly principal: string;
  readonly client: string;
}

export const EVERYTHING: Filter = { state: 'live', principal: '', client: '' };

export type Column = 'session' | 'state' | 'age' | 'inFlight' | 'streams' | 'left' | 'principal' | 'client';

export interface Order {
  readonly by: Column;
  readonly descending: boolean;
}

export type AnyRow = Row | EndedRow;

/** Whether it has ended. */
export function isEnded(row: AnyRow): row is EndedRow {
  return row.state === 'terminated';
}

export function clientName({ client }: AnyRow): string {
  return client === null ? '' : `${client.name} ${client.version}`;
}

const VALUES: Readonly<Record<Column, (row: AnyRow) => string | number>> = {
  session: (row) => row.id ?? row.key,
  state: (row) => (isEnded(row) ? row.reason : row.state),
  // Those that live by when they began; those that ended by how long ago they did.
  age: (row) => -(isEnded(row) ? row.endedAt : row.createdAt),
  inFlight: (row) => row.inFlight,
  streams: (row) => row.openStreams,
  left: (row) => row.idleDeadline ?? Number.MAX_VALUE,
  principal: (row) => row.principal ?? '',
  client: clientName,
};

export function pick(sessions: Sessions, filter: Filter, { by, descending }: Order): AnyRow[] {
  const principal = filter.principal.trim().toLowerCase();
  const client = filter.client.trim().toLowerCase();
  const from: Iterable<AnyRow> = filter.state === 'terminated' ? sessions.ended.values() : sessions.live.values();
  const anyState = filter.state === 'live' || filter.state === 'terminated';
  const sorted: { value: string | number; row: AnyRow }[] = [];
  const value = VALUES[by];
  for (const row of from) {
    if (!anyState && row.state !== filter.state) continue;
    if (principal !== '' && !(row.principal ?? '').toLowerCase().includes(principal)) continue;
    if (client !== '' && !clientName(row).toLowerCase().includes(client)) continue;
    sorted.push({ value: value(row), row });
  }
  const sign = descending ? -1 : 1;
  sorted.sort((a, b) => (a.value < b.value ? -sign : a.value > b.value ? sign : 0));
  return sorted.map(({ row }) => row);
}
