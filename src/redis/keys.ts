/**
 * The keys of the stores. All that is kept of one session carries one hash tag, so that it is in one slot of a cluster
 * and a script can see all of it.
 */
import { createHash } from 'node:crypto';
import { streamPrefix } from '../stores/eventLog.ts';

/** A tag that is readable; a longer one, or one with a brace in it, is hashed. */
const PLAIN_TAG = /^[\w\-.!~*'()%]{1,128}$/;

/** The names of an incarnation's streams begin with its epoch: `<session>:<epoch>.<n>`. */
const EPOCH = /^(\d{1,16})\./;

/** What the streams of one session begin with, without the colon; a stream whose id has no colon is by itself. */
function groupOf(streamId: string): string {
  const end = streamId.lastIndexOf(':');
  return end < 0 ? streamId : streamId.slice(0, end);
}

/** The hash tag of a session, which no other has. */
export function tagOf(group: string): string {
  return PLAIN_TAG.test(group) ? group : `=${createHash('sha256').update(group).digest('base64url')}`;
}

/** The hash tag of the session with this id. */
export function sessionTag(sessionId: string): string {
  return tagOf(groupOf(streamPrefix(sessionId)));
}

/** The hash tag of the session that a stream belongs to. */
export function streamTag(streamId: string): string {
  return tagOf(groupOf(streamId));
}

/** The epoch that a stream's name begins with; undefined where it names none. */
export function streamEpoch(streamId: string): number | undefined {
  const epoch = EPOCH.exec(streamId.slice(streamId.lastIndexOf(':') + 1))?.[1];
  return epoch === undefined ? undefined : Number(epoch);
}

/** The keys of a session: its record, and its events. */
export function keysOf(prefix: string, tag: string): [record: string, events: string] {
  return [`${prefix}{${tag}}:session`, `${prefix}{${tag}}:events`];
}

/** The key of the directory. */
export function directoryKey(prefix: string): string {
  return `${prefix}{nodes}:lives`;
}
