/**
 * What the command prints while it serves: one line for each entry, as text for people or as JSON for machines.
 * Warnings and errors go to stderr, everything else to stdout. Whatever an entry holds, no control or direction character
 * of it reaches a terminal, and nothing in it can look like another line: what a process has written stands behind a mark.
 */
import { styleText } from 'node:util';
import type { LogEntry } from '../index.ts';
import { describeError, stackLines } from './failure.ts';
import { escaped, plural, printable, printableJson } from './wording.ts';

/** Where lines go: what the journal needs of `process.stdout` and `process.stderr`. */
export interface LineSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface JournalOptions {
  readonly format: 'text' | 'json';
  /** Only warnings and errors. */
  readonly quiet: boolean;
  /** Debug entries too, and the stack of each error. */
  readonly verbose: boolean;
  readonly out: LineSink;
  readonly err: LineSink;
  /** `NO_COLOR` is honoured: set and not empty, it turns colours off. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Journal {
  /** Entries of this level are written. */
  writes(level: LogEntry['level']): boolean;
  /** Writes an entry as one line, unless its level is not wanted. */
  write(entry: LogEntry): void;
  /** Writes it to stderr, whatever its level: a word for whoever waits, which is no part of what is served. */
  aside(entry: LogEntry): void;
  /** Writes what greets a person at the start: the lines, their spaces kept, or the entry where lines are JSON. */
  greet(lines: readonly string[], entry: LogEntry): void;
}

const RANKS = { debug: 0, info: 1, warn: 2, error: 3 } as const;

export function createJournal(options: JournalOptions): Journal {
  const { format, quiet, verbose, out, err, env, now } = options;
  const threshold = quiet ? RANKS.warn : verbose ? RANKS.debug : RANKS.info;
  const line = format === 'json' ? jsonLine : textLine;
  const writes = (level: LogEntry['level']): boolean => RANKS[level] >= threshold;
  const write = (entry: LogEntry, sink = RANKS[entry.level] >= RANKS.warn ? err : out): void => {
    if (!writes(entry.level)) return;
    const colour = sink.isTTY === true && !env['NO_COLOR'];
    sink.write(`${line(entry, { time: now(), verbose, colour })}\n`);
  };
  const greet = (lines: readonly string[], entry: LogEntry): void => {
    if (format === 'json') write(entry);
    else if (!quiet) out.write(lines.map((text) => `${escaped(text)}\n`).join(''));
  };
  return { writes, write: (entry) => write(entry), aside: (entry) => write(entry, err), greet };
}

interface Look {
  readonly time: number;
  readonly verbose: boolean;
  readonly colour: boolean;
}

/** A session id as text shows it: enough to tell sessions apart, too little to take one over. */
function shortId(sessionId: string): string {
  return printable(sessionId.slice(0, 8));
}

const STYLES = {
  'session.opened': 'green',
  'session.active': 'cyan',
  'session.idle': 'gray',
  'session.parked': 'blue',
  'session.restored': 'green',
  'session.terminated': 'magenta',
} as const;

function textLine(entry: LogEntry, { time, verbose, colour }: Look): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const { level, event, message, sessionId, error } = entry;
  const parts = [paint('gray', clockTime(time))];
  const stream = STREAMS[event];
  if (stream !== undefined) {
    parts.push(`${paint('gray', markOf(stream, entry))} ${printable(message)}`);
  } else if (level === 'info' && event in STYLES && sessionId !== undefined) {
    const verb = event.slice('session.'.length).padEnd('terminated'.length);
    parts.push(paint(STYLES[event as keyof typeof STYLES], verb), shortId(sessionId), printable(message));
  } else {
    const label = level === 'warn' ? paint('yellow', 'warning: ') : level === 'error' ? paint('red', 'error: ') : '';
    const said = error === undefined ? '' : describeError(error);
    const because = said === '' || message.includes(said) ? '' : `: ${said}`;
    const whose = sessionId === undefined ? '' : ` [${shortId(sessionId)}]`;
    parts.push(`${label}${printable(message)}${because}${whose}`);
  }
  const text = parts.join('  ');
  // Indented, so that no line of a message that came from elsewhere passes for an entry.
  const stack = verbose && error instanceof Error ? stackLines(error, '  ') : [];
  return [text, ...lastWords(entry).map((words) => `  ${words}`), ...stack].join('\n');
}

/** The events that are lines of a process, and where it wrote them. */
const STREAMS: Readonly<Record<string, string>> = { 'child.stderr': 'stderr', 'child.noise': 'stdout' };

/**
 * What stands before a line that a process has written: none of ours begins so, and nothing that the process chose comes
 * before its end.
 */
function markOf(stream: string, { sessionId, pid, dropped }: LogEntry): string {
  const whose = typeof pid === 'number' ? ` ${pid}` : '';
  const session = sessionId === undefined ? '' : ` [${shortId(sessionId)}]`;
  const missing = typeof dropped === 'number' && dropped > 0 ? ` (${plural(dropped, 'line')} dropped)` : '';
  return `${stream}${whose}${session}${missing} |`;
}

/** The events that are ends of processes. */
const ENDS: ReadonlySet<string> = new Set(['child.exited', 'spare.failed']);

/** How many of the last lines of a process are told with its end: its cause is among them. */
const MOST_WORDS = 10;

/** What a process wrote last, where an entry warns of its end: with `--quiet` nobody has seen it. */
function lastWords(entry: LogEntry): string[] {
  const { level, event, stderr } = entry;
  if (level !== 'warn' || !ENDS.has(event) || typeof stderr !== 'string') return [];
  const mark = markOf('stderr', { ...entry, dropped: 0 });
  return stderr
    .split('\n')
    .slice(-MOST_WORDS)
    .map((line) => `${mark} ${printable(line)}`);
}

/** Local time of day: who follows a terminal compares it with the clock on the wall. */
function clockTime(time: number): string {
  const date = new Date(time);
  const [h, m, s] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0'));
  return `${h}:${m}:${s}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Longer texts within a line of JSON are cut. Stacks are shorter, of errors that Node wrote. */
const LONGEST_TEXT = 4_000;

function jsonLine(entry: LogEntry, { time, verbose }: Look): string {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string') return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
    if (!(value instanceof Error)) return typeof value === 'bigint' ? String(value) : value;
    const { name, message, stack } = value;
    const { code } = value as { code?: unknown };
    return { name, message, ...(code === undefined ? {} : { code }), ...(verbose ? { stack } : {}) };
  };
  const { level, event, message } = entry;
  const stamped = { time: new Date(time).toISOString(), ...entry };
  try {
    return printableJson(JSON.stringify(stamped, (_key, value: unknown) => plain(value)));
  } catch {
    // Something in it refers to itself: its essence is still worth a line.
    return printableJson(JSON.stringify({ time: stamped.time, level, event, message: plain(message) }));
  }
}
