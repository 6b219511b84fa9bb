/**
 * A record as text, in four lines of JSON: how the session stands, its handshake, its notes, its state. In lines, because
 * most changes are of the first: the others are then neither parsed nor made anew. Knows records and text; nothing of
 * where they are kept.
 *
 * What is written is closed: members that a record does not have are refused (`checkRecord`). What is read is open:
 * members that this version does not know are those of a later one of the same format. They stay in the text through
 * every change, and nobody here gets to see them.
 */
import { Buffer } from 'node:buffer';
import {
  invalid,
  type JsonObject,
  memberNames,
  RECORD_FORMAT,
  RECORD_LIMITS,
  type RecordChange,
  type SessionRecord,
  wrongMember,
} from './sessionRecord.ts';
import type { Unreadable, UnreadableReason } from './sessionStore.ts';

/** The lines of a record, without their ends. `state` is the JSON text that the record has. */
export interface RecordLines {
  readonly standing: string;
  readonly handshake: string;
  readonly notes: string;
  readonly state: string;
}

/** How a session stands: what a store has to know of it, and may change without looking at the rest. */
export type Standing = Pick<
  SessionRecord,
  | 'format'
  | 'id'
  | 'epoch'
  | 'principal'
  | 'createdAt'
  | 'initialized'
  | 'logLevel'
  | 'lastActiveAt'
  | 'idleDeadline'
  | 'lifetimeDeadline'
  | 'parkedAt'
  | 'owner'
>;

/** What may be changed of how a session stands: by its incarnation, by parking and by claims. */
export type StandingChange = Partial<
  Pick<SessionRecord, 'epoch' | 'initialized' | 'logLevel' | 'lastActiveAt' | 'idleDeadline' | 'parkedAt' | 'owner'>
>;

/** The lines of a record. It has been checked. */
export function recordLines(record: SessionRecord): RecordLines {
  const { initialize, protocolVersion, capabilities, subscriptions, history, state, ...standing } = record;
  return {
    standing: JSON.stringify(standing),
    handshake: JSON.stringify({ initialize, protocolVersion, capabilities }),
    notes: JSON.stringify({ subscriptions, history }),
    state: oneLine(state),
  };
}

/** A text cut into its lines; missing ones are empty. */
export function linesOf(text: string): RecordLines {
  const [standing = '', handshake = '', notes = '', state = ''] = text.split('\n', 4);
  return { standing, handshake, notes, state };
}

/**
 * The text of a record.
 * @throws {SupervisorError} `INVALID_RECORD` where it is too large.
 */
export function textOf({ standing, handshake, notes, state }: RecordLines): string {
  const text = `${standing}\n${handshake}\n${notes}\n${state}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > RECORD_LIMITS.bytes) throw invalid(`its record has ${bytes} bytes, and may have ${RECORD_LIMITS.bytes}`);
  return text;
}

/** How a session stands by the text of its record, which is looked at no further. */
export function readStanding(text: string): Standing | Unreadable {
  if (text.length > RECORD_LIMITS.bytes) return unreadable('tooLarge');
  const end = text.indexOf('\n');
  const standing = parsed(end < 0 ? text : text.slice(0, end));
  if (standing === undefined) return unreadable('notJson');
  const { format, epoch } = standing;
  if (Number.isSafeInteger(format) && (format as number) > RECORD_FORMAT) return unreadable('newerFormat');
  if (format !== RECORD_FORMAT || !Number.isSafeInteger(epoch)) return unreadable('malformed');
  return standing as unknown as Standing;
}

/** The record in a text, all of it. */
export function readRecord(text: string): SessionRecord | Unreadable {
  const standing = readStanding(text);
  if ('verdict' in standing) return standing;
  if (Buffer.byteLength(text) > RECORD_LIMITS.bytes) return unreadable('tooLarge');
  const lines = linesOf(text);
  const handshake = parsed(lines.handshake);
  const notes = parsed(lines.notes);
  if (handshake === undefined || notes === undefined || parsed(lines.state) === undefined) return unreadable('notJson');
  const all: JsonObject = { ...standing, ...handshake, ...notes, state: lines.state };
  if (wrongMember(all) !== undefined) return unreadable('malformed');
  return Object.fromEntries(memberNames(all).map((name) => [name, all[name]])) as unknown as SessionRecord;
}

/** The lines of a record after a change; those that it does not concern are the same. Both have been checked. */
export function changedLines(
  lines: RecordLines,
  standing: Standing,
  { subscriptions, history, state, ...change }: RecordChange & StandingChange,
): RecordLines {
  const notes = {
    ...(subscriptions !== undefined && { subscriptions }),
    ...(history !== undefined && { history }),
  };
  return {
    standing: isEmpty(change) ? lines.standing : JSON.stringify({ ...standing, ...change }),
    handshake: lines.handshake,
    notes: isEmpty(notes) ? lines.notes : JSON.stringify({ ...parsed(lines.notes), ...notes }),
    state: state === undefined ? lines.state : oneLine(state),
  };
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}

/** Line breaks in JSON stand between its tokens only, where a space does as well. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, ' ') : json;
}

function parsed(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(why: UnreadableReason): Unreadable {
  return { verdict: 'unreadable', why };
}
