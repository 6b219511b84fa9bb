/** How the command tells a failure: one line on stderr and an exit code, never a stack trace. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SupervisorError } from '../index.ts';
import { printable } from './wording.ts';

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

/** What an error says, in one line: its class (unless plain), its message, where it was thrown, and its cause. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return printable(asText(error));
  // Their messages say it all: they were written for people.
  if (error instanceof CommandFailure || error instanceof SupervisorError) return printable(error.message);
  const named = error.name === 'Error' ? '' : `${error.name}: `;
  const place = placeOf(error);
  const at = place === undefined ? '' : ` (${place})`;
  const cause = error.cause === undefined ? '' : describeError(error.cause);
  const because = cause === '' || error.message.includes(cause) ? '' : `; cause: ${cause}`;
  return printable(`${named}${error.message || 'no message'}${at}${because}`);
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** A syntax error's place: V8 writes it before the message, and only there. */
const SYNTAX_ERROR_PLACE = /^(\S+):(\d+)\n/;
const FRAME = /^\s+at (?:.*\()?([^\s()]+):(\d+):\d+\)?$/gm;

/** `file:line` of the code that threw, the user's own rather than a library's; nothing where Node itself threw. */
export function placeOf(error: Error): string | undefined {
  const stack = error.stack ?? '';
  const syntax = error instanceof SyntaxError ? SYNTAX_ERROR_PLACE.exec(stack) : null;
  const frames = syntax === null ? [...stack.matchAll(FRAME)] : [syntax];
  if (frames[0]?.[1]?.startsWith('node:')) return undefined;
  const files = frames.filter(([, file = '']) => !file.startsWith('node:'));
  const frame = files.find(([, file = '']) => !file.includes('node_modules')) ?? files[0];
  if (frame === undefined) return undefined;
  const [, file = '', line = ''] = frame;
  return `${shortPath(file)}:${line}`;
}

/** A path relative to the current directory, where that is shorter. */
export function shortPath(file: string): string {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const short = relative(process.cwd(), path);
  return short.length < path.length ? short : path;
}
