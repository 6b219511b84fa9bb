/** How the command tells a failure: one line on stderr and an exit code, never a stack trace. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SupervisorError } from '../index.ts';
import { escaped, printable } from './wording.ts';

/** Something failed that was asked for rightly. */
export const EXIT_FAILURE = 1;
/** The command line itself is wrong. */
export const EXIT_USAGE = 2;

/** A failure that ends the command. Its message is one line, written for the person who typed the command. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_FAILURE, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** By its name, because the class would bring the whole library along, and a served module may have a copy of its own. */
export function isSupervisorError(error: unknown): error is SupervisorError {
  return (
    error instanceof Error && error.name === 'SupervisorError' && 'code' in error && typeof error.code === 'string'
  );
}

/** How many causes of an error are told: they may go round in a circle. */
const MOST_CAUSES = 4;

/** What an error says, in one line: its class (unless plain), its message, where it was thrown, and its cause. */
export function describeError(error: unknown): string {
  try {
    return describe(error, MOST_CAUSES);
  } catch {
    // Its own code threw when it was looked at.
    return 'an error that cannot be told';
  }
}

function describe(error: unknown, causes: number): string {
  if (!(error instanceof Error)) return printable(asText(error));
  const text = String(error.message);
  // Their messages say it all: they were written for people. But why a store failed is for its engine to say.
  const isTold = error instanceof CommandFailure || isSupervisorError(error);
  if (isTold && !isStoreFailure(error)) return printable(text);
  const named = isTold || error.name === 'Error' ? '' : `${error.name}: `;
  const place = isTold ? undefined : placeOf(error);
  const at = place === undefined ? '' : ` (${place})`;
  const cause = error.cause === undefined || causes === 0 ? '' : describe(error.cause, causes - 1);
  const because = cause === '' || text.includes(cause) ? '' : `; cause: ${cause}`;
  return printable(`${named}${text || 'no message'}${at}${because}`);
}

/** One whose cause is worth telling; that a package is missing, its message has said. */
function isStoreFailure({ code, cause }: Error & { readonly code?: unknown }): boolean {
  const isFailure = code === 'STORE_FAILED' || code === 'EVENT_STORE_FAILED';
  return isFailure && (cause as { readonly code?: unknown } | undefined)?.code !== 'ERR_MODULE_NOT_FOUND';
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** The most of a stack that is looked at or shown, in characters, and in lines. */
const LONGEST_STACK = 16_384;
const MOST_LINES = 100;

/** An error's stack as lines that are safe to print, each behind `indent`; none where it has no stack. */
export function stackLines(error: Error, indent = ''): string[] {
  const stack = stackOf(error).slice(0, LONGEST_STACK);
  if (stack === '') return [];
  const lines = stack.split(/\r\n|[\n\r\u2028\u2029]/).slice(0, MOST_LINES);
  return lines.map((line) => `${indent}${escaped(line)}`);
}

function stackOf(error: Error): string {
  try {
    return typeof error.stack === 'string' ? error.stack : '';
  } catch {
    return '';
  }
}

/** A syntax error's place: V8 writes it before the message, and only there. */
const SYNTAX_ERROR_PLACE = /^(\S+):(\d+)\n/;
const FRAME = /^[ \t]+at (?:[^\n(]*\()?([^\s()]+):(\d+):\d+\)?$/gm;

/** `file:line` of the code that threw, the user's own rather than a library's; nothing where Node itself threw. */
export function placeOf(error: Error): string | undefined {
  const stack = stackOf(error);
  const syntax = error instanceof SyntaxError ? SYNTAX_ERROR_PLACE.exec(stack.slice(0, LONGEST_STACK)) : null;
  const frames = syntax === null ? [...framesOf(stack, String(error.message)).matchAll(FRAME)] : [syntax];
  if (frames[0]?.[1]?.startsWith('node:')) return undefined;
  const files = frames.filter(([, file = '']) => !file.startsWith('node:'));
  const frame = files.find(([, file = '']) => !file.includes('node_modules')) ?? files[0];
  if (frame === undefined) return undefined;
  const [, file = '', line = ''] = frame;
  return `${shortPath(file)}:${line}`;
}

/** The frames of a stack, without the message before them, which may be long and look like frames. */
function framesOf(stack: string, message: string): string {
  const at = stack.indexOf(message);
  return stack.slice(at === -1 ? 0 : at + message.length).slice(0, LONGEST_STACK);
}

/** A path relative to the current directory, where that is shorter; a URL that is no path of this machine as it is. */
export function shortPath(file: string): string {
  const path = pathOf(file);
  if (path === undefined) return file;
  const short = relative(process.cwd(), path);
  return short.length < path.length ? short : path;
}

function pathOf(file: string): string | undefined {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return undefined;
  }
}
