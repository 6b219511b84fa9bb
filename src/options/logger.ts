/**
 * Where the log goes: to the embedder's logger, or, where there is none, to the process: what an embedder must know of
 * becomes a warning, as Node tells of its own.
 */
import { printable } from '../protocol/printable.ts';
import type { LogEventName, LogLevel } from './logEvents.ts';

/** One structured log entry. */
export interface LogEntry {
  readonly level: LogLevel;
  /** What happened, as `noun.verb`: `session.terminated`, `request.refused`, `store.failed`. */
  readonly event: LogEventName;
  /** One readable sentence. */
  readonly message: string;
  readonly sessionId?: string | undefined;
  readonly reason?: string | undefined;
  readonly error?: unknown;
  readonly [key: string]: unknown;
}

/** Takes the entries of the log, one at a time. What it throws, or rejects with, hurts nobody. */
export type Logger = (entry: LogEntry) => void;

/** The type of our warnings, by which `--disable-warning` and listeners of `process.on('warning')` know them. */
const WARNING = 'McpSessionSupervisorWarning';

/** Causes of an error that are told. */
const MOST_CAUSES = 3;

/** Longer details of a warning are cut. */
const LONGEST_DETAIL = 4_000;

/** A logger whose failures hurt nobody: the first one, thrown or rejected, becomes a warning of the process. */
export function listenedTo(logger: Logger): Logger {
  let told = false;
  const failed = (error: unknown) => {
    if (told) return;
    told = true;
    warn('logger.failed', 'The logger failed, and entries were lost', error);
  };
  return (entry) => {
    try {
      const result: unknown = logger(entry);
      if (isThenable(result)) result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** Stands in for the logger that nobody gave: warnings and errors go to the process, the first one of each event. */
export function warnProcess(): Logger {
  const told = new Set<string>();
  return ({ level, event, message, error }) => {
    if ((level !== 'warn' && level !== 'error') || told.has(event)) return;
    told.add(event);
    warn(event, message, error, 'More of this kind is not shown: the option "logger" gets everything.');
  };
}

function warn(code: string, message: string, error: unknown, more?: string): void {
  try {
    const details = [error === undefined ? undefined : describe(error), more].filter((line) => line !== undefined);
    const detail = details.length > 0 ? { detail: details.join('\n') } : {};
    process.emitWarning(printable(message), { type: WARNING, code, ...detail });
  } catch {
    // There is no one left to tell.
  }
}

function describe(error: unknown): string {
  const text = textOf(error);
  // Each line by itself, since the lines of a stack are to stay.
  const lines = text.slice(0, LONGEST_DETAIL).split('\n');
  return lines.map((line) => printable(line, LONGEST_DETAIL)).join('\n');
}

/** Whatever was thrown, even what throws when it is looked at. */
function textOf(error: unknown): string {
  try {
    return (error instanceof Error ? (error.stack ?? error.message) : String(error)) + causesOf(error);
  } catch {
    return 'The error can’t be shown: it throws when it is looked at';
  }
}

/** Why it came to an error: mostly that says what is to be done. */
function causesOf(error: unknown): string {
  let text = '';
  let { cause } = (error ?? {}) as { cause?: unknown };
  for (let n = 0; n < MOST_CAUSES && cause !== undefined; n++) {
    text += `\ncause: ${cause instanceof Error ? cause.message : String(cause)}`;
    ({ cause } = (cause ?? {}) as { cause?: unknown });
  }
  return text;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
