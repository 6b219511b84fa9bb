/** One supervisor along one path of the supervisor model: a client for each session, and what can be seen from outside. */
import type { EndReason } from '../../index.ts';
import type { SupervisorDriver } from './driver.ts';
import { ModelClient, within } from './modelClient.ts';
import type { ModelExchange } from './modelExchange.ts';
import { Violation } from './rules.ts';
import type { HoldKind, SupervisorExpectation, SupervisorModelEvent } from './supervisorModel.ts';
import type { SupervisorPath, SupervisorStep } from './supervisorPaths.ts';
import { SupervisorViolation } from './supervisorRules.ts';

interface OpenSession {
  readonly client: ModelClient;
  /** What is in flight, oldest first. */
  readonly holds: { readonly kind: HoldKind; readonly exchange: ModelExchange; readonly key: string }[];
}

/** The rule that is broken when a session is still there that should have ended. */
const SHOULD_HAVE_ENDED: Partial<Record<EndReason, SupervisorViolation['rule']>> = {
  evicted: 'evictedInOrder',
  drained: 'drainEnds',
};

export class SupervisorRun {
  readonly #driver: SupervisorDriver;
  readonly #options: SupervisorPath['options'];
  /** As the model lists them. */
  #sessions: OpenSession[] = [];
  #expected: SupervisorExpectation | undefined;
  readonly #gone: ModelClient[] = [];
  readonly #ids = new Set<string>();
  #drained: Promise<void> | undefined;
  #isDrained = false;
  #count = 0;

  constructor(driver: SupervisorDriver, { options }: SupervisorPath) {
    this.#driver = driver;
    this.#options = options;
  }

  async take({ event, expected }: SupervisorStep): Promise<void> {
    const opened = await this.#perform(event, expected);
    await this.#driver.settle();
    const before = this.#sessions;
    this.#sessions = expected.sessions.flatMap(({ was }) => (was === undefined ? opened : before[was]) ?? []);
    this.#expected = expected;
    for (const { was, reason } of expected.ended) await this.#checkEnded(before[was], reason);
    for (const client of this.#gone) await this.#checkGone(client);
    for (const session of this.#sessions) this.#checkHolds(session);
    await this.#checkDrain(expected.supervisor);
  }

  /** At the end of a path: everybody who is alive answers. In the course of it nobody is asked, since asking is a use. */
  async finish(): Promise<void> {
    for (const { client } of this.#sessions) {
      if (client.sessionId === undefined) continue;
      const ping = await client.ping();
      if (this.#expected?.supervisor === 'draining') {
        if (ping.status === 404) throw new SupervisorViolation('drainKeepsCalls', `ping: ${ping.describe()}`);
        checkRefused(ping, 503, 'drainRefuses');
      } else if (ping.status !== 200 || ping.responses.length !== 1) {
        throw new SupervisorViolation('othersKept', `ping: ${ping.describe()}`);
      }
    }
  }

  /** Leaves nothing behind, whatever happened. */
  async cleanUp(): Promise<void> {
    for (const { client, holds } of this.#sessions) {
      this.#driver.answerInitialize?.(client.name);
      for (const { exchange, key } of holds) {
        this.#driver.finish?.(key);
        exchange.hangUp();
      }
      client.initialize.hangUp();
    }
    await this.#driver.settle();
    await within(this.#driver.drain(), this.#driver.patience);
  }

  // --- steps

  async #perform(event: SupervisorModelEvent, expected: SupervisorExpectation): Promise<OpenSession | undefined> {
    const session = 'session' in event ? this.#sessions[event.session] : undefined;
    switch (event.type) {
      case 'INITIALIZE':
        return this.#initialize(event.principal, expected);
      case 'DRAIN':
        this.#drained = this.#driver.drain().then(() => {
          this.#isDrained = true;
        });
        this.#drained.catch(() => {}); // cleaning up asks again, and is told
        return;
      case 'xstate.after.sessionIdleTimeout.session.idle':
        return void (await this.#elapse(this.#options.sessionIdleTimeout));
      case 'xstate.after.shutdownTimeout.supervisor.draining':
        return void (await this.#elapse(this.#options.shutdownTimeout));
    }
    if (session === undefined) throw new Error(`The path has no session for ${event.type}`);
    if (event.type === 'INITIALIZED') await this.#answerInitialize(session);
    if (event.type === 'REQUEST') await this.#hold(session, event.kind);
    if (event.type === 'RESPONSE') await this.#endOldest(session);
    if (event.type === 'TERMINATE') await remove(session.client);
    return;
  }

  async #initialize(
    principal: string,
    { status, supervisor }: SupervisorExpectation,
  ): Promise<OpenSession | undefined> {
    const name = `${principal} ${++this.#count}`;
    const client = new ModelClient(this.#driver.as(principal), name);
    const { initialize } = client;
    await this.#driver.settle(initialize);
    if (status === 429 || status === 503) {
      await within(initialize.ended, this.#driver.patience);
      const full = status === 429 ? 'principalFullRefused' : 'fullRefused';
      checkRefused(initialize, status, supervisor === 'accepting' ? full : 'drainRefuses');
      return undefined;
    }
    const session: OpenSession = { client, holds: [] };
    if (!this.#options.holdInitialize) await this.#answerInitialize(session);
    return session;
  }

  async #answerInitialize({ client }: OpenSession): Promise<void> {
    const { initialize } = client;
    this.#driver.answerInitialize?.(client.name);
    await within(initialize.ended, this.#driver.patience);
    if (initialize.status !== 200) throw new SupervisorViolation('admitted', initialize.describe());
    await client.initialized();
    const { sessionId = '' } = client;
    if (this.#ids.has(sessionId)) throw new SupervisorViolation('idsUnique', sessionId);
    this.#ids.add(sessionId);
    await this.#driver.settle();
    await client.acknowledge();
  }

  async #hold({ client, holds }: OpenSession, kind: HoldKind): Promise<void> {
    const key = `${client.name}, ${++this.#count}`;
    if (kind === 'stream') {
      const exchange = client.listen();
      await within(exchange.answered, this.#driver.patience);
      if (exchange.status === 404) throw new SupervisorViolation('othersKept', `GET: ${exchange.describe()}`);
      if (exchange.status !== 200 || !exchange.isStream) throw new Violation('streamOpened', exchange.describe());
      holds.push({ kind, exchange, key });
      return;
    }
    const call = this.#driver.longCall?.(key, this.#options.shutdownTimeout ?? 0);
    if (call === undefined) throw new Error('The paths have calls in flight, and the driver has no longCall');
    const exchange = client.call(call);
    holds.push({ kind, exchange, key });
    await this.#driver.settle(exchange);
    if (exchange.status === 404) throw new SupervisorViolation('othersKept', `call: ${exchange.describe()}`);
  }

  async #endOldest({ holds }: OpenSession): Promise<void> {
    const hold = holds.shift();
    if (hold === undefined) throw new Error('Nothing is in flight that could end');
    const { kind, exchange, key } = hold;
    if (kind === 'stream') exchange.hangUp();
    else this.#driver.finish?.(key);
    await within(exchange.ended, this.#driver.patience);
    if (kind === 'stream') return;
    const answered = exchange.isEnded && exchange.responses.length === 1 && exchange.responses[0]?.result !== undefined;
    if (!answered) throw new Violation('callAnswered', exchange.describe());
  }

  async #elapse(ms: number | null): Promise<void> {
    await this.#driver.elapse((ms ?? 0) + this.#driver.grace);
  }

  // --- checks

  async #checkEnded(session: OpenSession | undefined, reason: EndReason): Promise<void> {
    if (session === undefined) return;
    const { client, holds } = session;
    if (client.sessionId === undefined) {
      await within(client.initialize.ended, this.#driver.patience);
      checkRefused(client.initialize, 503, 'drainRefuses');
      return;
    }
    const ping = await client.ping();
    const rule = SHOULD_HAVE_ENDED[reason];
    if (rule !== undefined && ping.status !== 404) throw new SupervisorViolation(rule, `ping: ${ping.describe()}`);
    if (reason === 'idle' && ping.status === 200) throw new Violation('sessionEnded', `ping: ${ping.describe()}`);
    await client.expectGone();
    this.#gone.push(client);
    for (const { kind, exchange } of holds) {
      const ended = await within(exchange.ended, this.#driver.patience);
      if (kind === 'stream' && !ended) throw new Violation('streamClosedAtEnd', exchange.describe());
      if (kind === 'call' && (!ended || exchange.responses.length !== 1)) {
        throw new Violation('callAnsweredAtEnd', exchange.describe());
      }
    }
  }

  async #checkGone(client: ModelClient): Promise<void> {
    const ping = await client.ping();
    if (ping.status !== 404) throw new Violation('endedIsNotFound', `ping: ${ping.describe()}`);
  }

  #checkHolds({ client, holds }: OpenSession): void {
    if (client.sessionId === undefined && client.initialize.isEnded) {
      throw new SupervisorViolation('admitted', client.initialize.describe());
    }
    for (const { kind, exchange } of holds) {
      if (!exchange.isEnded) continue;
      const got = `${exchange.what}: ${exchange.describe()}`;
      if (this.#drained !== undefined) throw new SupervisorViolation('drainKeepsCalls', got);
      throw new Violation(kind === 'call' ? 'callKept' : 'streamKept', got);
    }
  }

  async #checkDrain(supervisor: SupervisorExpectation['supervisor']): Promise<void> {
    if (supervisor === 'draining' && this.#isDrained) throw new SupervisorViolation('drainKeepsCalls', 'it is over');
    if (supervisor !== 'stopped' || this.#drained === undefined) return;
    if (!(await within(this.#drained, this.#driver.patience))) {
      throw new SupervisorViolation('drainEnds', 'it is not over');
    }
  }
}

function checkRefused(exchange: ModelExchange, status: 429 | 503, rule: SupervisorViolation['rule']): void {
  const later = Number(exchange.headers.get('retry-after') ?? Number.NaN);
  const refused = exchange.status === status && later > 0 && !exchange.headers.has('mcp-session-id');
  if (refused) return;
  const retryAfter = exchange.headers.get('retry-after') ?? 'none';
  throw new SupervisorViolation(rule, `${exchange.describe()}, Retry-After: ${retryAfter}`);
}

async function remove(client: ModelClient): Promise<void> {
  const exchange = await client.remove();
  const { status = 0 } = exchange;
  if (status < 200 || status > 299) throw new Violation('deleteAnswered', exchange.describe());
}
