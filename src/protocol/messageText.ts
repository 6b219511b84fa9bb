/**
 * The text of a message, where somebody keeps it: what is parsed to be routed goes on as it came, byte for byte, numbers
 * and the order of members included. Whoever changes an id in a message changes it in its text. A message without a text
 * is written anew, as every message of a server in this process is.
 */
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { isObject, type ResponseMessage } from './messages.ts';

/** Where the text is: with the message that it is of, so that no copy of that has its text. */
const TEXT = Symbol('text');

type Kept = JSONRPCMessage & { [TEXT]?: { readonly of: JSONRPCMessage; readonly text: string } };

/** Has a message keep the text that it was parsed from. */
export function keepText(message: JSONRPCMessage, text: string): void {
  (message as Kept)[TEXT] = { of: message, text };
}

export function keptText(message: JSONRPCMessage): string | undefined {
  const kept = (message as Kept)[TEXT];
  return kept?.of === message ? kept.text : undefined;
}

/** Has the messages of a body keep their texts; of a batch all members are given, undefined for what is no message. */
export function keepTexts(messages: readonly (JSONRPCMessage | undefined)[], text: string, batch: boolean): void {
  if (!batch) return messages[0] && keepText(messages[0], text);
  for (const [n, [start, end]] of elementsOf(text).entries()) {
    const message = messages[n];
    if (message !== undefined) keepText(message, text.slice(start, end));
  }
}

/** A message as text. @throws {TypeError} for what is no JSON. */
export function textOf(message: JSONRPCMessage): string {
  return keptText(message) ?? JSON.stringify(message);
}

/** A message as one line: what breaks a line stands between tokens, where a blank means the same. */
export function lineOf(message: JSONRPCMessage): string {
  const text = textOf(message);
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, ' ') : text;
}

/** What may be another in a translated message. */
const NAMES = [['id'], ['params', 'requestId'], ['params', 'progressToken'], ['params', '_meta', 'progressToken']];

/** A message that was made from another one by giving its ids other values: has it keep the text with these. */
export function translated<M extends JSONRPCMessage | undefined>(message: M, original: JSONRPCMessage): M {
  let text = keptText(original);
  if (text === undefined || message === undefined || message === original) return message;
  for (const path of NAMES) {
    const value = at(message, path);
    if (value === at(original, path)) continue;
    const span = spanOf(text, path);
    if (span === undefined) return message; // it is written anew
    text = text.slice(0, span[0]) + JSON.stringify(value) + text.slice(span[1]);
  }
  keepText(message, text);
  return message;
}

/** A message with another id. */
export function withId<M extends JSONRPCRequest | ResponseMessage>(message: M, id: RequestId): M {
  return message.id === id ? message : translated({ ...message, id }, message);
}

/** A message with some of its parameters replaced, which are ids. */
export function withParams<M extends JSONRPCRequest | JSONRPCNotification>(
  message: M,
  params: Record<string, unknown>,
): M {
  return translated({ ...message, params: { ...message.params, ...params } }, message);
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) found = isObject(found) ? found[name] : undefined;
  return found;
}

/** Where a value begins and where it ends. */
type Span = readonly [start: number, end: number];

/** Where the value is that a path of names leads to; of a name that stands twice, the last one counts. */
function spanOf(text: string, path: readonly string[]): Span | undefined {
  let span: Span | undefined = [skipBlanks(text, 0), text.length];
  for (const name of path) {
    if (span === undefined || text[span[0]] !== '{') return undefined;
    let found: Span | undefined;
    for (const { key, value } of membersOf(text, span[0])) if (key === name) found = value;
    span = found;
  }
  return span;
}

/** The members of the object that begins here. */
function* membersOf(text: string, start: number): Generator<{ readonly key: unknown; readonly value: Span }> {
  let position = skipBlanks(text, start + 1);
  while (position < text.length && text[position] !== '}') {
    const keyEnd = valueEnd(text, position);
    const key: unknown = JSON.parse(text.slice(position, keyEnd));
    const valueStart = skipBlanks(text, skipBlanks(text, keyEnd) + 1); // the colon
    const end = valueEnd(text, valueStart);
    yield { key, value: [valueStart, end] };
    position = skipBlanks(text, end);
    if (text[position] === ',') position = skipBlanks(text, position + 1);
  }
}

/** The elements of a text that is an array. */
function elementsOf(text: string): Span[] {
  const elements: Span[] = [];
  let position = skipBlanks(text, skipBlanks(text, 0) + 1);
  while (position < text.length && text[position] !== ']') {
    const end = valueEnd(text, position);
    elements.push([position, end]);
    position = skipBlanks(text, end);
    if (text[position] === ',') position = skipBlanks(text, position + 1);
  }
  return elements;
}

const BLANKS = /[ \t\r\n]*/y;
const MARKS = /["{}[\]]/g;
const PLAIN = /[^,\]} \t\r\n]*/y;

function skipBlanks(text: string, position: number): number {
  BLANKS.lastIndex = position;
  BLANKS.test(text);
  return BLANKS.lastIndex;
}

/** Where the value ends that begins here. The text is JSON. */
function valueEnd(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return stringEnd(text, start);
  if (first !== '{' && first !== '[') {
    PLAIN.lastIndex = start;
    PLAIN.test(text);
    return PLAIN.lastIndex;
  }
  let depth = 0;
  let position = start;
  for (;;) {
    MARKS.lastIndex = position;
    const mark = MARKS.exec(text);
    if (mark === null) return text.length;
    if (mark[0] === '"') {
      position = stringEnd(text, mark.index);
      continue;
    }
    depth += mark[0] === '{' || mark[0] === '[' ? 1 : -1;
    position = mark.index + 1;
    if (depth === 0) return position;
  }
}

function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}
