/**
 * Two sessions opened beside one another and ended before the command listens, so that a broken factory is told at once, one
 * that shares a server among sessions too, and the server's name is known. They go through a supervisor of their own:
 * what works here works for a client.
 */
import { createSessionSupervisor, type LogEntry, type SessionSupervisor, SupervisorError } from '../index.ts';
import { checkEras } from './eras.ts';
import { CommandFailure, describeError, isSupervisorError } from './failure.ts';
import type { Flags } from './flags.ts';
import type { Journal } from './journal.ts';
import type { ServerSource } from './serverSource.ts';

/** What the server says of itself in its answer to initialize. */
export interface ServerInfo {
  readonly name: string;
  readonly version: string;
}

interface Answer {
  readonly result?: { readonly serverInfo?: { readonly name?: unknown; readonly version?: unknown } };
  readonly error?: { readonly message?: unknown };
}

/** How long a ping may take, in ms: SDK servers answer it by themselves. */
const PING_TIMEOUT = 10_000;

/** Why a session can't be had: the error that was thrown, and whether the factory threw it. */
interface Trouble {
  readonly error: unknown;
  readonly ofFactory: boolean;
}

/**
 * Builds two servers, initializes and pings both, and ends them again with their cleanup; only one where there may be no
 * second session.
 * @throws {CommandFailure} when that fails.
 */
export async function probe(
  source: ServerSource,
  flags: Flags,
  journal: Journal,
  version: string,
): Promise<ServerInfo> {
  const entries: LogEntry[] = [];
  const thrown: unknown[] = [];
  const built = new Set<unknown>();
  let shared = false;
  const factory = source.trial ?? source.factory;
  let last: unknown;
  const supervisor = createSessionSupervisor({
    initializeTimeout: flags.initializeTimeout,
    stateless: flags.stateless,
    maxStateSize: flags.maxStateSize,
    shutdownTimeout: flags.shutdownTimeout,
    enableJsonResponse: true,
    logger: (entry) => entries.push(entry),
    server: async (session) => {
      let made: Awaited<ReturnType<typeof factory>>;
      try {
        made = await factory(session);
      } catch (error) {
        thrown.push(error);
        throw error;
      }
      const server = serverIn(made);
      // Not handed over: the second session's end would close the first one's server.
      if (built.has(server)) {
        shared = true;
        throw new SupervisorError('INVALID_SERVER', 'the same server again');
      }
      if (typeof server === 'object' && server !== null) {
        built.add(server);
        last = server;
        // One at a time may have it.
        session.signal.addEventListener('abort', () => built.delete(server));
      }
      return made;
    },
  });
  // One after the other, so that it is known whether it takes two to fail; the first stays open meanwhile.
  const sessions = [await open(supervisor, version)];
  // Processes share nothing: one of them tells all.
  const alone = flags.maxSessions === 1 || source.processes !== undefined;
  if (sessions[0]?.info !== undefined && !alone) sessions.push(await open(supervisor, version));
  const opened = sessions.filter(({ info }) => info !== undefined);
  const silent = opened.length < sessions.length ? [] : await pingAll(supervisor, sessions);
  // One that has failed is not asked to end: whoever waits is to know of it now.
  if (opened.length < sessions.length) await source.trial?.close();
  await supervisor.drain();
  await source.trial?.close();

  const told = entries.filter(({ level }) => level === 'warn' || level === 'error');
  const trouble = troubleOf(thrown, told);
  const isRefused = isSupervisorError(trouble?.error) && trouble.error.code === 'INVALID_SERVER';
  // The supervisor takes a server once: where one session came up, its server was no invalid one.
  if (shared || (isRefused && opened.length > 0)) {
    const message = `${source.label}: the factory returned the same server twice; build a new one for each session`;
    throw new CommandFailure(message);
  }
  const failed = sessions.find(({ info }) => info === undefined);
  if (failed !== undefined) {
    const why = trouble === undefined ? (endOf(entries) ?? failed.why) : describeError(trouble.error);
    const what = trouble?.ofFactory
      ? `the server factory of ${source.label} failed`
      : `the server of ${source.label} can't be started`;
    const when = opened.length > 0 ? ' for a second session beside the first' : '';
    throw new CommandFailure(`${what}${when}: ${why}${written(entries)}`, undefined, { cause: trouble?.error });
  }
  if (silent.length > 0) {
    // Where there are no sessions, the ping's server is one more that the factory builds, and without a client's name.
    if (trouble?.ofFactory) {
      const message = `the server factory of ${source.label} failed: ${describeError(trouble.error)}`;
      throw new CommandFailure(message, undefined, { cause: trouble.error });
    }
    const beside = sessions.length > 1 ? ' with two sessions open; does the factory build all of it for each?' : '';
    throw new CommandFailure(`the server of ${source.label} does not answer a ping${beside}`);
  }
  // The servers came up; that an end went wrong is worth a word all the same.
  for (const entry of told) journal.write(entry);
  await checkEras(source, flags, journal, last);
  const [{ info } = { info: undefined }] = opened;
  return info ?? { name: 'unnamed', version: '' };
}

/** One session of the probe; without `info` where it could not be opened. */
interface Visit {
  readonly id: string | undefined;
  readonly info: ServerInfo | undefined;
  readonly why: string;
}

async function open(supervisor: SessionSupervisor, version: string): Promise<Visit> {
  const clientInfo = { name: 'mcp-session-supervisor', version };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const response = await supervisor.fetch(post({ id: 0, method: 'initialize', params }));
  const { result, error } = (await response.json()) as Answer;
  const { serverInfo } = result ?? {};
  return {
    id: response.headers.get('mcp-session-id') ?? undefined,
    info: serverInfo && { name: String(serverInfo.name), version: String(serverInfo.version) },
    why: String(error?.message ?? `status ${response.status}`),
  };
}

/** Pings all at once; resolves to those that did not answer. */
async function pingAll(supervisor: SessionSupervisor, sessions: readonly Visit[]): Promise<Visit[]> {
  const answered = await Promise.all(sessions.map(({ id }, index) => ping(supervisor, id, index + 1)));
  return sessions.filter((_, index) => !answered[index]);
}

/** Whether a session answers a ping, with a result or an error, in time. */
async function ping(supervisor: SessionSupervisor, sessionId: string | undefined, id: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PING_TIMEOUT);
  });
  const answered = async (): Promise<boolean> => {
    const headers = sessionId === undefined ? {} : { 'mcp-session-id': sessionId };
    const response = await supervisor.fetch(post({ id, method: 'ping' }, headers));
    return ((await response.json()) as { readonly id?: unknown }).id === id;
  };
  try {
    return await Promise.race([answered().catch(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}

function post(message: object, headers: Readonly<Record<string, string>> = {}): Request {
  return new Request('http://localhost/', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  });
}

/** The server itself, where the factory returned it with its cleanup. */
function serverIn(made: unknown): unknown {
  const { connect, server } = (made ?? {}) as { readonly connect?: unknown; readonly server?: unknown };
  return typeof connect === 'function' ? made : server;
}

/** How a process ended that was asked to, of which its client hears nothing more. */
function endOf(entries: readonly LogEntry[]): string | undefined {
  const exit = entries.find(({ event, level }) => event === 'child.exited' && level !== 'debug');
  return exit && `${exit.message} and did not answer initialize: it is no MCP server that speaks stdio`;
}

/** How many lines of a process are told, where it was not served. */
const MOST_LINES = 3;

/** What a process wrote, where it did: to stdout what is no message, and to stderr. */
function written(entries: readonly LogEntry[]): string {
  const linesOf = (event: string) => entries.filter((entry) => entry.event === event).map(({ message }) => message);
  const noise = linesOf('child.noise').slice(0, MOST_LINES);
  const stdout = noise.length === 0 ? '' : `; to stdout it wrote what is no message: ${noise.join(' ')}`;
  const words = entries.find(({ event }) => event === 'child.exited')?.['stderr'];
  if (typeof words === 'string') return `${stdout}; its last words: ${words}`;
  const warnings = linesOf('child.stderr').slice(-MOST_LINES);
  return warnings.length === 0 ? stdout : `${stdout}; to stderr it wrote: ${warnings.join(' ')}`;
}

/** What went wrong: first of all what the factory itself threw. */
function troubleOf(thrown: readonly unknown[], told: readonly LogEntry[]): Trouble | undefined {
  if (thrown.length > 0) return { error: thrown[0], ofFactory: true };
  const entry = told.find(({ error }) => error !== undefined);
  return entry && { error: entry.error, ofFactory: false };
}
