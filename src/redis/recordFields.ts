/** A record as the fields of a hash, and back. What is written here has been checked. */
import { readRecord, recordLines, textOf } from '../stores/recordText.ts';
import type { RecordChange, SessionRecord } from '../stores/sessionRecord.ts';
import type { Unreadable } from '../stores/sessionStore.ts';
import { LINES } from './sessionScripts.ts';

/** What is not written where it is so. */
const NO_LIST = '[]';
const NO_STATE = '{}';

type LineName = (typeof LINES)[number];

/**
 * The fields of a new record: `v`, `r`, `u`, `y`, `s`, empty ones as such.
 * @throws {SupervisorError} `INVALID_RECORD` where it is too large.
 */
export function fieldsOf(record: SessionRecord, nonce: string): string[] {
  const lines = recordLines(record);
  textOf(lines);
  const { epoch, parkedAt, owner, initialized, logLevel, lastActiveAt, idleDeadline, lifetimeDeadline, ...rest } =
    JSON.parse(lines.standing);
  const standing: Record<LineName, string> = {
    format: String(record.format),
    epoch: String(epoch),
    writes: '0',
    nonce,
    parkedAt: JSON.stringify(parkedAt),
    owner: owner ?? '',
    initialized: JSON.stringify(initialized),
    logLevel: JSON.stringify(logLevel),
    lastActiveAt: JSON.stringify(lastActiveAt),
    idleDeadline: JSON.stringify(idleDeadline),
    lifetimeDeadline: JSON.stringify(lifetimeDeadline),
  };
  return [
    LINES.map((name) => standing[name]).join('\n'),
    `${JSON.stringify(rest)}\n${lines.handshake}`,
    unless(NO_LIST, JSON.stringify(record.subscriptions)),
    unless(NO_LIST, JSON.stringify(record.history)),
    unless(NO_STATE, lines.state),
  ];
}

/** What a change writes, in the order of the script `WRITE`; empty is what it leaves alone. */
export function changeOf({
  initialized,
  logLevel,
  lastActiveAt,
  idleDeadline,
  subscriptions,
  history,
  state,
}: RecordChange): string[] {
  const values = [initialized, logLevel, lastActiveAt, idleDeadline, subscriptions, history];
  return [...values.map((value) => (value === undefined ? '' : JSON.stringify(value))), oneLine(state ?? '')];
}

/** The record of a hash, as Redis gives it: names and values in turn. */
export function recordOf(hash: readonly string[]): SessionRecord | Unreadable {
  const fields: Record<string, string> = {};
  for (let n = 0; n + 1 < hash.length; n += 2) fields[hash[n] as string] = hash[n + 1] as string;
  const { v = '', r = '', u = NO_LIST, y = NO_LIST, s = NO_STATE } = fields;
  const values = v.split('\n');
  const line = (name: LineName) => values[LINES.indexOf(name)] ?? '';
  const [rest = '', handshake = ''] = r.split('\n');
  const owner = line('owner');
  const standing = [
    `"epoch":${line('epoch')}`,
    ...(['parkedAt', 'initialized', 'logLevel', 'lastActiveAt', 'idleDeadline', 'lifetimeDeadline'] as const).map(
      (name) => `"${name}":${line(name)}`,
    ),
    ...(owner === '' ? [] : [`"owner":${JSON.stringify(owner)}`]),
  ].join();
  return readRecord(`${rest.slice(0, -1)},${standing}}\n${handshake}\n{"subscriptions":${u},"history":${y}}\n${s}`);
}

function unless(usual: string, text: string): string {
  return text === usual ? '' : text;
}

/** Line breaks in JSON stand between its tokens only, where a space does as well. */
function oneLine(json: string): string {
  return json.replaceAll(/[\r\n]+/g, ' ');
}
