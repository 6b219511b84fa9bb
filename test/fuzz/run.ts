/** Runs one scenario against a server of its own, beside a healthy client, and says what is wrong, if anything is. */
import { randomUUID } from 'node:crypto';
import { REFUSALS } from '../../src/errors.ts';
import type { SessionContext, SessionSupervisorOptions } from '../../src/options.ts';
import { supervisorOf } from '../../src/supervisor/sessionSupervisor.ts';
import { buildModernServer } from '../modern/modernServer.ts';
import { TestEventStore } from '../support/eventStore.ts';
import { type Served, serve } from '../support/serve.ts';
import { advance } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import {
  callBody,
  type Headers,
  type Initialized,
  initialize,
  parseSse,
  post,
  type WireMessage,
} from '../support/wire.ts';
import { Attacker } from './attacker.ts';
import { mutateBytes, type RequestSpec, render } from './requests.ts';
import { type FuzzResponse, parseResponses } from './responses.ts';
import type { PoliteScenario, Scenario, WildScenario } from './scenarios.ts';

const IDLE_TIMEOUT = 1_800_000;
/** Longer than any other timer of the library lasts: bodies, refused bodies, stalled answers, parked calls. */
const ALL_ELSE = 301_000;

/** What a client's fault may be answered. Neither 500 nor 504, whatever it does. */
const STATUSES = new Set([200, 202, 204, 400, 403, 404, 405, 406, 408, 413, 415, 417, 429, 431]);
const MESSAGES: ReadonlySet<string> = new Set(Object.values(REFUSALS).map(({ message }) => message));

/** Errors that escaped to the process: a crash, without somebody to listen. */
const escaped: unknown[] = [];
process.on('uncaughtException', (error) => escaped.push(error));
process.on('unhandledRejection', (error) => escaped.push(error));

/** How much has been done so far, for the progress line. */
export const counts = { runs: 0, requests: 0, responses: new Map<number, number>() };

/** What the last run sent, connection by connection. */
export let lastTranscripts: readonly (readonly string[])[] = [];

/** What SDK v2's handler says in words of its own. */
const MODERN_CODES = new Set([-32020, -32021, -32022, -32600, -32601, -32602]);

/** A server of SDK v2 for requests without sessions, the test server for those in one. */
const serveEras = (context: SessionContext) =>
  context.era === 'modern' ? buildModernServer(context) : buildTestServer(context);

function optionsOf({ mode, extras }: Scenario, healthyUser: string): Partial<SessionSupervisorOptions> {
  const has = (extra: (typeof extras)[number]) => extras.includes(extra);
  return {
    ...(mode === 'stateless' ? { stateless: true } : { sessionIdleTimeout: IDLE_TIMEOUT }),
    ...(mode === 'json' && { enableJsonResponse: true }),
    ...(mode === 'eventStore' && { eventStore: new TestEventStore(), retryInterval: 1_000 }),
    ...(has('modern') && { modern: 'serve', server: serveEras }),
    ...(has('hosts') && { allowedHosts: ['localhost', '127.0.0.1'] }),
    ...(has('origins') && { allowedOrigins: ['https://app.example'] }),
    ...(has('cors') && { cors: has('principals') ? '*' : ['https://app.example'] }),
    ...(has('smallBodies') && { maxRequestBodySize: 2_000 }),
    ...(has('caps') && { maxSessions: 6, ...(has('principals') && mode !== 'stateless' && { whenFull: 'reject' }) }),
    // The healthy client is always somebody else: nobody can guess who.
    principal: ({ headers }) => (headers['x-user'] === healthyUser ? healthyUser : undefined),
  };
}

class Run {
  readonly clock = new WatchedClock();
  readonly scenario: Scenario;
  readonly attackers: Attacker[] = [];
  readonly problems: string[] = [];
  readonly #user = randomUUID();
  readonly #names = new Map<string, string>();
  #served: Served | undefined;
  #healthy: Initialized | undefined;
  #calls = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  get served(): Served {
    if (this.#served === undefined) throw new Error('Not served yet');
    return this.#served;
  }

  get stateless(): boolean {
    return this.scenario.mode === 'stateless';
  }

  async setUp(): Promise<void> {
    this.#served = await serve({ clock: this.clock, autoClose: false, ...optionsOf(this.scenario, this.#user) });
    await this.expectHealthy('before');
    if (this.stateless) return;
    const { url, supervisor } = this.served;
    const capabilities = { sampling: {}, elicitation: {}, roots: {} };
    for (const [name, protocolVersion] of [
      ['s0', '2025-11-25'],
      ['s1', '2025-03-26'],
      ['ended', '2025-11-25'],
    ] as const) {
      const { sessionId } = await initialize(url, { protocolVersion, capabilities });
      this.#names.set(name, sessionId);
    }
    await supervisor.terminate(this.#names.get('ended') ?? '');
    const first = await post(url, callBody('echo', { text: 'x' }), { 'mcp-session-id': this.#names.get('s0') });
    this.#names.set('event', first.text.match(/^id: (\S+)/m)?.[1] ?? 'none');
    this.#names.set('healthy', this.#healthy?.sessionId ?? '');
  }

  async connect(): Promise<Attacker> {
    const attacker = new Attacker(this.served.port);
    this.attackers.push(attacker);
    await attacker.connected();
    return attacker;
  }

  bytesOf(request: RequestSpec): Buffer {
    counts.requests++;
    // Without a session nobody can answer what a server asks, nor cancel what waits.
    const waits = /"name":"(?:sample|elicit|roots|gate)"/g;
    const body = this.stateless ? request.body?.replace(waits, '"name":"echo"') : request.body;
    return render({ ...request, body }, (name) => this.#names.get(name) ?? 'none');
  }

  /** The client that does nothing wrong. */
  async expectHealthy(when: string): Promise<void> {
    const { url } = this.served;
    const text = `well ${this.#calls++}`;
    const user: Headers = { 'x-user': this.#user };
    try {
      if (!this.stateless) this.#healthy ??= await initialize(url, { headers: { 'x-user': this.#user } });
      const answer = await post(url, callBody('echo', { text }), this.#healthy?.headers ?? user);
      const [message] = answer.messages();
      if (message?.result?.content?.[0]?.text !== text) this.problems.push(`healthy ${when}: ${answer.text}`);
    } catch (error) {
      this.problems.push(`healthy ${when}: ${String(error)}`);
    }
  }

  /** Ends the attackers' sessions, so that what waits in them is answered. */
  async endSessions(): Promise<void> {
    const { supervisor } = this.served;
    for (const { id } of supervisor.sessions()) if (id !== this.#healthy?.sessionId) await supervisor.terminate(id);
  }

  checkResponses(responses: readonly FuzzResponse[], problem: string | undefined): void {
    const { mode, extras } = this.scenario;
    const may503 = extras.includes('caps') || this.scenario.kind === 'wild';
    if (problem !== undefined) this.problems.push(problem);
    for (const { status, headers, body } of responses) {
      counts.responses.set(status, (counts.responses.get(status) ?? 0) + 1);
      if (!STATUSES.has(status) && !(status === 503 && may503)) this.problems.push(`status ${status}: ${body}`);
      if (mode === 'stateless' && headers.has('mcp-session-id')) this.problems.push('a session id, stateless');
      if (status < 400 || body === '') continue;
      const refusal = JSON.parse(body) as { error?: { message?: string; code?: number } };
      const { code = 0 } = refusal.error ?? {};
      if (extras.includes('modern') && (status === 400 || status === 404) && MODERN_CODES.has(code)) continue;
      const shape = [Object.keys(refusal), Object.keys(refusal.error ?? {})].join();
      if (shape !== 'jsonrpc,id,error,code,message' || !MESSAGES.has(refusal.error?.message ?? '')) {
        this.problems.push(`not a refusal: ${body}`);
      }
    }
    const healthyId = this.#healthy?.sessionId;
    if (healthyId === undefined) return;
    for (const { received } of this.attackers)
      if (received.includes(healthyId)) this.problems.push('a foreign session id');
  }

  /** Everything is over: nothing may be left. */
  async tearDown(): Promise<void> {
    const { supervisor, httpServer, log } = this.served;
    const { exchanges } = supervisorOf(supervisor);
    for (const attacker of this.attackers) attacker.socket.destroy();
    const connections = () => new Promise<number>((resolve) => httpServer.getConnections((_, n) => resolve(n)));
    const quiet = async () => (await connections()) === 0 && exchanges.size === 0;
    const idle = () => [...supervisor.sessions()].every(({ state, inFlight }) => state === 'idle' && inFlight === 0);
    await until(quiet, { what: 'connections and exchanges to end' }).catch((error) =>
      this.problems.push(String(error)),
    );
    await advance(this.clock, ALL_ELSE); // a call that could be resumed holds its session for so long
    await until(idle, { what: 'sessions to be idle' }).catch((error) => this.problems.push(String(error)));
    await advance(this.clock, IDLE_TIMEOUT);
    const left = [...supervisor.sessions()].length;
    if (left > 0) this.problems.push(`${left} sessions are left`);
    await until(() => this.clock.pending.length === 0, { within: 500 }).catch(() => {});
    for (const { delay } of this.clock.pending) this.problems.push(`a timer of ${delay} ms is left`);
    for (const { level, event, message, error } of log) {
      if (event === 'request.refused') continue; // at any level: that is what attackers are for
      if (level === 'error' || level === 'warn') this.problems.push(`logged: ${message} (${String(error)})`);
    }
    await this.served.close();
    for (const error of escaped.splice(0))
      this.problems.push(`escaped: ${error instanceof Error ? error.stack : error}`);
  }
}

/** Whether a POST that got through has the responses to its own requests, each once, and no other's. */
function misanswered(
  request: RequestSpec | undefined,
  { status, headers, body }: FuzzResponse,
  excused: boolean,
): string[] {
  if (request?.method !== 'POST' || status !== 200) return [];
  const text = Buffer.from(body, 'latin1').toString();
  const streamed = headers.get('content-type') === 'text/event-stream';
  const data = streamed ? parseSse(text).map((event) => event.data) : [text];
  const messages = data.flatMap((json) => (json === '' ? [] : [JSON.parse(json)].flat())) as WireMessage[];
  const answered = messages.filter(({ method }) => method === undefined).map(({ id }) => JSON.stringify(id));
  const asked = ([JSON.parse((request.body ?? '').replace('\ufeff', ''))].flat() as WireMessage[])
    .filter((message) => message.method !== undefined && message.id !== undefined)
    .map(({ id }) => JSON.stringify(id));
  // A call that is cancelled gets no response; one whose stream its handler closes gets it on resumption.
  const missing = excused ? [] : asked.filter((id) => !answered.includes(id));
  const foreign = answered.filter((id, n) => !asked.includes(id) || answered.indexOf(id) !== n);
  return [...missing.map((id) => `no response to ${id}`), ...foreign.map((id) => `a response to ${id}`)];
}

/** A well-formed request of 2026-07-28 is served where that is asked for, and never with the id of a session. */
function unlikeItsEra(
  { extras }: Scenario,
  request: RequestSpec | undefined,
  { status, headers }: FuzzResponse,
): string[] {
  if (request?.modern !== true) return [];
  const served = extras.includes('modern') ? 200 : 400;
  return [
    ...(status === served ? [] : [`${status} to a request of 2026-07-28`]),
    ...(headers.has('mcp-session-id') ? ['a session id for a request without one'] : []),
  ];
}

async function runPolite(run: Run, { connections }: PoliteScenario): Promise<void> {
  const sending = connections.map(async (writes) => {
    const attacker = await run.connect();
    for (const requests of writes) {
      attacker.send(Buffer.concat(requests.map((request) => run.bytesOf(request))));
      await turns(1);
    }
    return { attacker, requests: writes.flat() };
  });
  await run.expectHealthy('meanwhile');
  const sent = await Promise.all(sending);
  await run.expectHealthy('after all was sent');
  await run.endSessions();
  const excused = /notifications\/cancelled|closeStream/.test(JSON.stringify(connections));
  for (const { attacker, requests } of sent) {
    const methods = requests.map(({ method }) => method);
    const parse = () => parseResponses(attacker.received, methods, attacker.ended);
    const answered = () => parse().responses.filter(({ complete }) => complete).length;
    await until(() => answered() >= methods.length || attacker.ended, { within: 3_000 }).catch(() => {});
    const { responses, problem } = parse();
    run.checkResponses(responses, problem);
    if (answered() !== methods.length) run.problems.push(`${answered()} answers to ${methods.length} requests`);
    run.problems.push(...responses.flatMap((response, n) => misanswered(requests[n], response, excused)));
    run.problems.push(...responses.flatMap((response, n) => unlikeItsEra(run.scenario, requests[n], response)));
  }
}

async function runWild(run: Run, { steps, ending }: WildScenario): Promise<void> {
  const attackers = await Promise.all([run.connect(), run.connect(), run.connect()]);
  for (const step of steps) {
    const attacker = attackers[step.on];
    if (attacker === undefined) continue;
    if (step.do === 'send') {
      attacker.send(mutateBytes(Buffer.concat(step.requests.map((request) => run.bytesOf(request))), step.mutations));
    } else if (step.do === 'wait') {
      await advance(run.clock, step.ms);
    } else if (step.do === 'terminate') {
      await run.endSessions();
    } else attacker.act(step.do);
    await turns(2);
  }
  await run.expectHealthy('meanwhile');
  if (ending === 'terminate') await run.endSessions();
  await turns(5);
  for (const { received, ended } of attackers) {
    // Which response is one to HEAD can't be told when requests are broken: what follows one may look like its body.
    const { responses, problem } = parseResponses(received, [], ended);
    const knowable = !steps.some((step) => step.do === 'send' && step.requests.some(({ method }) => method === 'HEAD'));
    if (knowable) run.checkResponses(responses, ended ? undefined : problem);
  }
}

/** Resolves to what is wrong; to nothing when all is well. */
export async function runScenario(scenario: Scenario): Promise<readonly string[]> {
  const run = new Run(scenario);
  counts.runs++;
  await run.setUp();
  if (scenario.kind === 'polite') await runPolite(run, scenario);
  else await runWild(run, scenario);
  if (scenario.kind === 'polite' || scenario.ending === 'terminate') await run.expectHealthy('in the end');
  await run.tearDown();
  lastTranscripts = run.attackers.map(({ transcript }) => transcript);
  return run.problems;
}
