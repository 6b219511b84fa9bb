/** What a line of a process's stdout holds: messages, each with its text, and what is none. */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { nestsTooDeep } from '../protocol/depth.ts';
import { isMessage, isObject } from '../protocol/messages.ts';
import { keepText, keepTexts } from '../protocol/messageText.ts';

/** What was found in a line. */
export interface Heard {
  readonly messages: readonly JSONRPCMessage[];
  /** What stood there and is no message. */
  readonly noise: string | undefined;
  /** The id of what would be the response to a request, and is not shaped like one: nobody else will answer that. */
  readonly spoiled: RequestId | undefined;
}

/** Reads a line. A message may have something glued before it: a warning that did not end its line. */
export function hear(line: string): Heard {
  const whole = parsed(line);
  if (whole !== undefined) return whole;
  const start = line.indexOf('{');
  const glued = start > 0 ? parsed(line.slice(start)) : undefined;
  if (glued === undefined || glued.noise !== undefined) return { messages: [], noise: line, spoiled: undefined };
  return { ...glued, noise: line.slice(0, start) };
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
  if (!nestsTooDeep(value, text.length)) {
    if (isMessage(value)) {
      keepText(value, line);
      return { messages: [value], noise: undefined, spoiled: undefined };
    }
    if (Array.isArray(value) && value.length > 0 && value.every(isMessage)) {
      keepTexts(value, line, true);
      return { messages: value, noise: undefined, spoiled: undefined };
    }
  }
  return { messages: [], noise: text, spoiled: answeredId(value) };
}

function answeredId(value: unknown): RequestId | undefined {
  if (!isObject(value) || 'method' in value) return undefined;
  const { id } = value;
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}
