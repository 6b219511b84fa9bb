/**
 * What is kept of a session so that it can be brought back: what its client said and was told, and how it stands. Plain
 * JSON. Never a token, never an `authInfo`, never a snapshot of a machine. A record is checked whenever it is written,
 * and again when it is read: what a store has may have been written by another version, or by half.
 */
import { SupervisorError } from '../errors.ts';

/** The format that is written here. It grows when a version that knows only the one before would go wrong. */
export const RECORD_FORMAT = 1;

/** What a record may hold at most. */
export const RECORD_LIMITS = {
  /** Bytes of the whole record as text, in UTF-8. */
  bytes: 1_048_576,
  /** Resources that its client subscribed to. */
  subscriptions: 1_000,
  /** Events of its history, the last ones. */
  history: 256,
} as const;

/** An object as `JSON.parse` makes it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** One line of a session's history: ms since `createdAt`, the event, and how many exchanges held the session after it. */
export type RecordedEvent = readonly [elapsed: number, event: string, inFlight: number];

/** Times are whole milliseconds since the epoch, by the wall clock, because clocks of other kinds end with a process. */
export interface SessionRecord {
  readonly format: typeof RECORD_FORMAT;
  /** The session's id: 1 to 256 visible ASCII characters. */
  readonly id: string;
  /** The number of the incarnation that may write it; each claim makes a greater one. 1 at first. */
  readonly epoch: number;
  /** Who owns the session; `null` is nobody, which is a principal of its own. */
  readonly principal: string | null;
  readonly createdAt: number;
  /** The parameters of its initialize, whole, with members that nobody here knows. */
  readonly initialize: JsonObject;
  /** The protocol version that its client was told. */
  readonly protocolVersion: string;
  /** The capabilities that its client was told. */
  readonly capabilities: JsonObject;
  /** Its client has sent `notifications/initialized`. */
  readonly initialized: boolean;
  /** What its client set by `logging/setLevel`; `null` when it did not. */
  readonly logLevel: string | null;
  /** URIs of the resources that its client is subscribed to; 1 000 at most. */
  readonly subscriptions: readonly string[];
  /** `session.state`: the JSON text of an object, as text so that it is made once. */
  readonly state: string;
  readonly lastActiveAt: number;
  /** When it ends if nobody asks for it; `null` is never. Of a session that lives, what holds if its process dies now. */
  readonly idleDeadline: number | null;
  /** When it ends however busy; `null` is never. */
  readonly lifetimeDeadline: number | null;
  /** Since when it is parked; `null` while it has an incarnation. */
  readonly parkedAt: number | null;
  /** The last lines of its history, oldest first; 256 at most. */
  readonly history: readonly RecordedEvent[];
  /**
   * Which life of which node of a cluster has its incarnation (`NodeLife.id`): 1 to 128 visible ASCII characters. Absent
   * while nobody has, and outside a cluster. Set when it is created or claimed, taken away when it is parked.
   */
  readonly owner?: string | undefined;
}

/** What the incarnation that a record belongs to may change of it. A member that is absent stays as it is. */
export type RecordChange = Partial<
  Pick<
    SessionRecord,
    'initialized' | 'logLevel' | 'subscriptions' | 'state' | 'lastActiveAt' | 'idleDeadline' | 'history'
  >
>;

type Check = (value: unknown) => boolean;

const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string';
/** Whole ms, as far as a `Date` goes. */
const isTime: Check = (value) => Number.isInteger(value) && Math.abs(value as number) <= 8.64e15;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

/** Whether it can be the id of a session: 1 to 256 visible ASCII characters. */
export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7E]{1,256}$/.test(value);
}

function isHistory(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > RECORD_LIMITS.history) return false;
  return value.every(
    (line: unknown) =>
      Array.isArray(line) && line.length === 3 && isTime(line[0]) && isText(line[1]) && Number.isSafeInteger(line[2]),
  );
}

/** What can be the owner of a session. */
const isOwner: Check = (value) => typeof value === 'string' && /^[\x21-\x7E]{1,128}$/.test(value);

/** What each member has to be that every record has. */
const MEMBERS: Readonly<Record<Exclude<keyof SessionRecord, 'owner'>, Check>> = {
  format: (value) => value === RECORD_FORMAT,
  id: isSessionId,
  epoch: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  principal: orNull(isText),
  createdAt: isTime,
  initialize: isObject,
  protocolVersion: isText,
  capabilities: isObject,
  initialized: (value) => typeof value === 'boolean',
  logLevel: orNull(isText),
  subscriptions: (value) =>
    Array.isArray(value) && value.length <= RECORD_LIMITS.subscriptions && value.every((uri) => isText(uri)),
  state: (value) => typeof value === 'string' && value.startsWith('{') && value.endsWith('}'),
  lastActiveAt: isTime,
  idleDeadline: orNull(isTime),
  lifetimeDeadline: orNull(isTime),
  parkedAt: orNull(isTime),
  history: isHistory,
};

/** What may be absent; undefined is absent. */
const OPTIONAL: Readonly<Record<'owner', Check>> = { owner: (value) => value === undefined || isOwner(value) };

const REQUIRED_NAMES = Object.keys(MEMBERS) as readonly (keyof typeof MEMBERS)[];
const OPTIONAL_NAMES = Object.keys(OPTIONAL) as readonly (keyof typeof OPTIONAL)[];

/** The names of the members that a record has. */
export function memberNames(record: JsonObject): readonly (keyof SessionRecord)[] {
  return [...REQUIRED_NAMES, ...OPTIONAL_NAMES.filter((name) => record[name] !== undefined)];
}

/** What a change may name, and each of its members has to be there to be right. */
const CHANGEABLE: ReadonlySet<string> = new Set<keyof RecordChange>([
  'initialized',
  'logLevel',
  'subscriptions',
  'state',
  'lastActiveAt',
  'idleDeadline',
  'history',
]);

/** The first member of a record that is not as it has to be, or missing. */
export function wrongMember(record: JsonObject): keyof SessionRecord | undefined {
  return (
    REQUIRED_NAMES.find((name) => !Object.hasOwn(record, name) || !MEMBERS[name](record[name])) ??
    OPTIONAL_NAMES.find((name) => !OPTIONAL[name](record[name]))
  );
}

/** Refuses what can't be the owner of a session. @throws {SupervisorError} `INVALID_RECORD` */
export function checkOwner(owner: string | undefined): void {
  if (!OPTIONAL.owner(owner)) throw invalid('its owner is not what it has to be');
}

/**
 * Refuses what is no record to be written. It may have no members but a record's: so nothing that a caller has beside
 * them, a token for instance, is ever stored.
 * @throws {SupervisorError} `INVALID_RECORD`
 */
export function checkRecord(record: SessionRecord): void {
  const wrong = wrongMember(record as unknown as JsonObject);
  if (wrong !== undefined) throw invalid(`its ${wrong} is not what it has to be`);
  const stranger = Object.keys(record).find((name) => !Object.hasOwn(MEMBERS, name) && !Object.hasOwn(OPTIONAL, name));
  if (stranger !== undefined) throw invalid(`it has a member ${stranger}`);
}

/**
 * Refuses what is no change.
 * @throws {SupervisorError} `INVALID_RECORD`
 */
export function checkChange(change: RecordChange): void {
  for (const [name, value] of Object.entries(change)) {
    if (!CHANGEABLE.has(name)) throw invalid(`${name} can't be changed`);
    if (!MEMBERS[name as keyof RecordChange](value)) throw invalid(`its ${name} is not what it has to be`);
  }
}

/** When the session ends if nothing happens, in ms since the epoch: the earlier of its deadlines; `Infinity` for never. */
export function deadlineOf({
  idleDeadline,
  lifetimeDeadline,
}: Pick<SessionRecord, 'idleDeadline' | 'lifetimeDeadline'>): number {
  return Math.min(idleDeadline ?? Number.POSITIVE_INFINITY, lifetimeDeadline ?? Number.POSITIVE_INFINITY);
}

export function invalid(why: string): SupervisorError {
  return new SupervisorError('INVALID_RECORD', `A session can't be stored: ${why}`);
}
