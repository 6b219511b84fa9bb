/** Which sessions the table shows, and in which order. */
import type { EndedRow, ParkedRow, Row } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';

export interface Filter {
  /** `live` is every state that a session has while it lives in the server's process. */
  readonly state: 'live' | Row['state'];
  readonly principal: string;
  readonly client: string;
}

export const EVERYTHING: Filter = { state: 'live', principal: '', client: '' };

export type Column = 'session' | 'state' | 'age' | 'calls' | 'streams' | 'left' | 'principal' | 'client';

export interface Order {
  readonly by: Column;
  readonly descending: boolean;
}

export type AnyRow = Row | ParkedRow | EndedRow;

/** Whether it has ended. */
export function isEnded(row: AnyRow): row is EndedRow {
  return row.state === 'terminated';
}

/** Whether it is one of those that were parked, told as it was then. */
export function isParked(row: AnyRow): row is ParkedRow {
  return row.state === 'parked' && 'parkedAt' in row;
}

/** When it left the server's process; else when it began. */
function since(row: AnyRow): number {
  if (isEnded(row)) return row.endedAt;
  return isParked(row) ? row.parkedAt : row.createdAt;
}

export function clientName({ client }: AnyRow): string {
  return client === null ? '' : `${client.name} ${client.version}`;
}

const VALUES: Readonly<Record<Column, (row: AnyRow) => string | number>> = {
  session: (row) => row.id ?? row.key,
  state: (row) => (isEnded(row) ? row.reason : row.state),
  // Those that live here by when they began; those that are parked or ended by how long ago that happened.
  age: (row) => -since(row),
  calls: (row) => row.calls,
  streams: (row) => row.openStreams,
  left: (row) => row.idleDeadline ?? Number.MAX_VALUE,
  principal: (row) => row.principal ?? '',
  client: clientName,
};

export function pick(sessions: Sessions, filter: Filter, { by, descending }: Order): AnyRow[] {
  const principal = filter.principal.trim().toLowerCase();
  const client = filter.client.trim().toLowerCase();
  const from = sessions.of(filter.state);
  const sorted: { value: string | number; row: AnyRow }[] = [];
  const value = VALUES[by];
  for (const row of from.values()) {
    if (filter.state !== 'live' && row.state !== filter.state) continue;
    if (principal !== '' && !(row.principal ?? '').toLowerCase().includes(principal)) continue;
    if (client !== '' && !clientName(row).toLowerCase().includes(client)) continue;
    sorted.push({ value: value(row), row });
  }
  const sign = descending ? -1 : 1;
  sorted.sort((a, b) => (a.value < b.value ? -sign : a.value > b.value ? sign : 0));
  return sorted.map(({ row }) => row);
}
