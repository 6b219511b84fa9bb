/**
 * What of any server's sessions survives when its process is killed: it is started, used, killed without a word, started
 * again, and asked what it still knows. Nothing of it is a violation by itself: the protocol lets a server forget. But
 * what has ended must not come back, and what is answered must be right.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver } from '../paths/driver.ts';
import { httpDriver } from '../paths/drivers.ts';
import { ModelClient, within } from '../paths/modelClient.ts';
import type { ModelExchange } from '../paths/modelExchange.ts';
import { Violation } from '../paths/rules.ts';
import { type Discovery, DiscoveryError, discover } from './discovery.ts';

/** A server that was started. */
export interface StartedServer {
  /** Ends its process without a word, and those that it started; resolves when they are gone. */
  kill(): Promise<void>;
  /** Rejects when it has ended by itself, with the error of the test then. Default: that is not known. */
  readonly ended?: Promise<never> | undefined;
}

/** Options of `restartTest`. Durations are in ms. */
export interface RestartTestOptions {
  /** The MCP endpoint. */
  url: string;
  /** Starts the server; it need not answer yet when this resolves. Called twice. */
  start: () => Promise<StartedServer>;
  /** How long the server may take until it answers, in ms. Default 30 000. */
  startTimeout?: number | undefined;
  /** A call that lasts, as `sleep:{"ms":$MS}`. Default: looked for in the list of tools. */
  slowCall?: string | undefined;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
  /** Called with what is done next, in words. */
  onProgress?: ((what: string) => void) | undefined;
}

/** What became of one thing over the kill. */
export interface RestartRow {
  /** In words: `a session`, `the answer of a call that was cut off`. */
  readonly what: string;
  /** `wrong`: it came back though it had ended, or the answer is not what it should be. */
  readonly verdict: 'survives' | 'lost' | 'wrong' | 'not tried';
  /** What was seen, or why it was not tried. */
  readonly got: string;
}

/** What a restart test found. Plain JSON. */
export interface RestartReport {
  readonly url: string;
  readonly server: { readonly name: string; readonly version: string };
  /** From the kill until the server answered again, in ms. */
  readonly down: number;
  readonly rows: readonly RestartRow[];
}

const START_TIMEOUT = 30_000;

/** How often a server that starts is asked whether it answers, in ms. */
const POLL = 100;

/** How long the call lasts that is to be cut off, in ms. */
const CALL = 20_000;

/**
 * Tests a server over a kill. Resolves to the report, whatever is found; the server is killed at the end.
 * @throws {DiscoveryError} where there is nothing to test.
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { once } from 'node:events';
 * import { restartTest } from 'mcp-session-supervisor/testing';
 *
 * const report = await restartTest({
 *   url: 'http://127.0.0.1:3000/mcp',
 *   start: async () => {
 *     const server = spawn('node', ['server.js']);
 *     return {
 *       kill: async () => {
 *         server.kill('SIGKILL');
 *         await once(server, 'exit');
 *       },
 *     };
 *   },
 * });
 * console.log(report.rows);
 * ```
 */
export async function restartTest(options: RestartTestOptions): Promise<RestartReport> {
  const { start, url, headers, onProgress = () => {}, startTimeout = START_TIMEOUT } = options;
  const driver = httpDriver({ url, headers, strict: false });
  const tell = (what: string) => onProgress(what);
  tell('starts the server');
  let server = await start();
  try {
    await answers(driver, startTimeout, server);
    const found = await discover({ url, headers, slowCall: options.slowCall, longest: CALL });
    const before = await prepare(driver, found);
    tell('kills it, and starts it again');
    const killed = performance.now();
    await server.kill();
    server = await start();
    await answers(driver, startTimeout, server);
    const down = Math.round(performance.now() - killed);
    tell('asks what it still knows');
    return { url, server: found.server, down, rows: await compare(before, driver) };
  } finally {
    await server.kill();
  }
}

/** What was there when the server was killed. */
interface Before {
  readonly idle: ModelClient;
  readonly tools: string;
  readonly stream: ModelExchange | undefined;
  readonly calling: ModelClient;
  /** Or why there is none. */
  readonly call: ModelExchange | string;
  readonly deleted: ModelClient | undefined;
}

async function prepare(driver: Driver, found: Discovery): Promise<Before> {
  const [idle, calling, deleted] = await Promise.all(['idle', 'calling', 'deleted'].map((name) => open(driver, name)));
  if (idle === undefined || calling === undefined || deleted === undefined) throw new Error('three were opened');
  const tools = await listTools(idle);
  const stream = found.streams.driven === true ? await idle.openStream() : undefined;
  const { longCall } = found;
  const call = longCall.driven === false ? longCall.why : calling.call(longCall.driven.make(CALL));
  if (typeof call !== 'string') await within(call.answered, 2_000);
  if (found.deletes.driven === true) await deleted.remove();
  return { idle, tools, stream, calling, call, deleted: found.deletes.driven === true ? deleted : undefined };
}

async function compare({ idle, tools, stream, calling, call, deleted }: Before, driver: Driver): Promise<RestartRow[]> {
  const ping = await idle.ping();
  const alive = ping.status === 200 && ping.responses.length === 1;
  const rows: RestartRow[] = [{ what: 'a session', verdict: alive ? 'survives' : 'lost', got: ping.describe() }];
  const add = (what: string, verdict: RestartRow['verdict'], got: string) => rows.push({ what, verdict, got });
  if (alive) {
    const now = await listTools(idle);
    add(
      'what it can do',
      now === tools ? 'survives' : 'lost',
      now === tools ? 'the same tools' : `other tools: ${now}`,
    );
  } else {
    add('what it can do', 'not tried', 'the session is lost');
  }
  if (stream === undefined) add('its GET stream', 'not tried', 'there was none');
  else await compareStream(idle, stream, add);
  if (typeof call === 'string') add('a call that was cut off', 'not tried', call);
  else await compareCall(calling, call, driver, add);
  if (deleted === undefined) add('a session that was ended', 'not tried', 'DELETE ends none');
  else {
    const asked = await deleted.ping();
    add(
      'a session that was ended',
      asked.status === 404 ? 'survives' : 'wrong',
      `${asked.status === 404 ? 'it stays ended' : 'it is back'}: ${asked.describe()}`,
    );
  }
  const fresh = await open(driver, 'fresh');
  const isNew = ![idle, calling, deleted].some((old) => old?.sessionId === fresh.sessionId);
  add(
    'new sessions',
    isNew ? 'survives' : 'wrong',
    isNew ? 'opened, with ids of their own' : 'an id is given out again',
  );
  for (const client of [idle, calling, fresh]) if (client.sessionId !== undefined) await client.remove();
  return rows;
}

type Add = (what: string, verdict: RestartRow['verdict'], got: string) => void;

async function compareStream(client: ModelClient, before: ModelExchange, add: Add): Promise<void> {
  const stream = await client.openStream();
  add('its GET stream', stream.isStream ? 'survives' : 'lost', stream.describe());
  stream.hangUp();
  const resumed = client.resume(before);
  if (resumed === undefined) return add('events of before', 'not tried', 'its stream had no event ids');
  await within(resumed.answered, 10_000);
  add('events of before', resumed.isStream ? 'survives' : 'lost', resumed.describe());
  resumed.hangUp();
}

async function compareCall(client: ModelClient, before: ModelExchange, driver: Driver, add: Add): Promise<void> {
  const what = 'a call that was cut off';
  if (before.isServed) return add(what, 'not tried', 'it was over before the kill');
  const resumed = client.resume(before);
  if (resumed === undefined) return add(what, 'lost', 'its stream had no event ids, so nobody can come back for it');
  await within(resumed.ended, CALL + driver.patience);
  resumed.hangUp();
  const { responses } = resumed;
  const verdict = responses.length === 1 ? 'survives' : responses.length === 0 ? 'lost' : 'wrong';
  add(what, verdict, responses.length === 1 ? `is answered: ${resumed.describe()}` : resumed.describe());
}

async function open(driver: Driver, name: string): Promise<ModelClient> {
  const client = new ModelClient(driver, `restart-${name}`);
  try {
    await client.initialized();
  } catch (error) {
    if (error instanceof Violation) throw new DiscoveryError('NO_SESSIONS', `No session could be opened: ${error.got}`);
    throw error;
  }
  await client.acknowledge();
  return client;
}

async function listTools(client: ModelClient): Promise<string> {
  const { result } = (await client.ask('tools/list')).responses[0] ?? {};
  const { tools } = (result ?? {}) as { tools?: readonly { readonly name?: unknown }[] };
  return (tools ?? []).map(({ name }) => String(name)).join(', ');
}

/** How long what answers is not yet trusted, in ms: where another one has its port, a server ends soon. */
const SETTLING = 200;

/** Waits until the server answers, whatever it says. */
async function answers({ fetch, url }: Driver, timeout: number, { ended }: StartedServer): Promise<void> {
  const until = performance.now() + timeout;
  const orEnded = <T>(promise: Promise<T>) => Promise.race(ended === undefined ? [promise] : [ended, promise]);
  for (;;) {
    const response = await orEnded(fetch(new Request(url, { method: 'DELETE' })).catch(() => undefined));
    await response?.body?.cancel();
    if (response !== undefined) {
      if (ended !== undefined) await orEnded(sleep(SETTLING));
      return;
    }
    if (performance.now() > until) {
      throw new DiscoveryError('UNREACHABLE', `Nothing answered at ${url} within ${timeout} ms after the start`);
    }
    await orEnded(sleep(POLL));
  }
}
