/** What a line of a process's stdout holds: messages, each with its text, and what is none. */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { nestsTooDeep } from '../protocol/depth.ts';
import { isId, isMessage, isObject } from '../protocol/messages.ts';
import { keepText, keepTexts } from '../protocol/messageText.ts';

/** What was found in a line. */
export interface Heard {
  readonly messages: readonly JSONRPCMessage[];
  /** What stood there and is no message. */
  readonly noise: string | undefined;
  /** The ids of what would be responses to requests, and are not shaped like such: nobody else will answer those. */
  readonly spoiled: readonly RequestId[];
  /** The ids of what would be requests of the process, and are not shaped like such: it waits for an answer. */
  readonly refused: readonly RequestId[];
}

const NONE: readonly never[] = [];

/** Reads a line. A message may have something glued before it: a warning that did not end its line. */
export function hear(line: string): Heard {
  const whole = parsed(line);
  if (whole !== undefined) return whole;
  const start = line.indexOf('{');
  const glued = start > 0 ? parsed(line.slice(start)) : undefined;
  if (glued !== undefined && glued.noise === undefined) return { ...glued, noise: line.slice(0, start) };
  return { messages: NONE, noise: line, spoiled: answerInNoJson(line), refused: NONE };
}

/** What JSON is; undefined for a text that is none. */
function parsed(text: string): Heard | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // JSON that has a CR in it has it between tokens; in a stream of events it would end a line.
  const line = text.includes('\r') ? text.replaceAll('\r', ' ') : text;
  const isShallow = !nestsTooDeep(value, text.length);
  if (isShallow && isMessage(value)) {
    keepText(value, line);
    return { messages: [value], noise: undefined, spoiled: NONE, refused: NONE };
  }
  const batch = Array.isArray(value) ? (value as unknown[]) : [value];
  const members = batch.map((member) => (isShallow && isMessage(member) ? member : undefined));
  if (Array.isArray(value)) keepTexts(members, line, true);
  const others = batch.filter((_, n) => members[n] === undefined);
  return {
    messages: members.filter((member) => member !== undefined),
    noise: others.length > 0 || batch.length === 0 ? text : undefined,
    spoiled: others.filter((other) => !isQuestion(other)).flatMap(idsOf),
    refused: others.filter(isQuestion).flatMap(idsOf),
  };
}

/** What has a method asks, unless it has an answer as well. */
function isQuestion(value: unknown): boolean {
  return isObject(value) && 'method' in value && !('result' in value) && !('error' in value);
}

function idsOf(value: unknown): RequestId[] {
  const id = isObject(value) ? value['id'] : undefined;
  return isId(id) ? [id] : [];
}

/** What begins like a response, and is no JSON (NaN is none). */
const LIKE_AN_ANSWER =
  /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*("[^"\\]*"|-?\d{1,16})\s*,\s*"(?:result|error)"/;

function answerInNoJson(line: string): RequestId[] {
  const [, id] = LIKE_AN_ANSWER.exec(line) ?? [];
  return id === undefined ? [] : idsOf({ id: JSON.parse(id) as unknown });
}
