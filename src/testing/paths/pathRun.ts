/** One walk of a real system along one path: performs its steps, and checks after each what can be seen from outside. */
import type { SessionTimeouts } from '../../machines/index.ts';
import { planCalls, REST, WAIT } from './callPlan.ts';
import type { Driver } from './driver.ts';
import { IdleWatch, Slip } from './idleWatch.ts';
import { ModelClient, within } from './modelClient.ts';
import type { ModelExchange } from './modelExchange.ts';
import { RULES, type RuleName, Violation } from './rules.ts';
import type { PathStep, SessionPath } from './sessionPaths.ts';

/** What keeps a session active on a walk: calls alone, or a GET stream first. */
export type HoldKind = 'calls' | 'streams';

/** How long a lenient driver looks whether a stream ends with its session, in real ms. */
const STREAM_END = 1_000;

interface OpenHold {
  /** `request`: something short, where nothing lasts. */
  readonly kind: 'call' | 'stream' | 'request';
  readonly exchange: ModelExchange;
  readonly key: string;
  /** How long it lasts by itself, in ms. */
  readonly duration: number;
  /** When it began, in real time. */
  readonly begun: number;
  /** Time has passed on purpose since it began. */
  waited: boolean;
}

export interface PathRunOptions {
  readonly name: string;
  readonly holds: HoldKind;
  /** How long a step may take by itself, in ms. */
  readonly pace: number;
}

export class PathRun {
  readonly client: ModelClient;
  /** What was found wrong, or different in what the protocol leaves open, and did not end the walk. */
  readonly found: { readonly rule: RuleName; readonly got: string; readonly actions: readonly string[] }[] = [];
  readonly #path: SessionPath;
  readonly #driver: Driver;
  readonly #options: PathRunOptions;
  readonly #durations: ReadonlyMap<number, number>;
  /** What is in flight, oldest first. */
  readonly #open: OpenHold[] = [];
  #lastState: string = 'initializing';
  #spent = 0;
  #opening = true;
  readonly #watch: IdleWatch;

  constructor(path: SessionPath, driver: Driver, options: PathRunOptions) {
    this.#path = path;
    this.#driver = driver;
    this.#options = options;
    this.#durations = planCalls(path, options.pace);
    this.#watch = new IdleWatch(options.pace > 0 ? path.timeouts.sessionIdleTimeout : null);
    this.client = new ModelClient(driver, options.name);
  }

  async take(step: PathStep, index: number): Promise<void> {
    if (index === 0) await this.#driver.settle(this.client.initialize);
    await this.#perform(step, index);
    await this.#driver.settle();
    await this.#check(step);
  }

  /**
   * At the end of a path that leaves the session alive: it still answers; and once all that was in flight has ended, it
   * ends by itself, which shows that nothing was miscounted, or else by DELETE.
   */
  async finish(): Promise<void> {
    if (this.client.sessionId === undefined || this.#lastState === 'terminated') return;
    await this.#ping();
    while (this.#open.length > 0) await this.#endOldest();
    if (this.#path.timeouts.sessionIdleTimeout !== null) {
      await this.#elapse(this.#idleTimeout + this.#driver.grace);
      await this.#driver.settle();
      return this.#checkEnded();
    }
    if (!this.#driver.endings.includes('deleted')) return;
    await this.#delete();
    await this.client.expectGone();
  }

  /** Leaves nothing behind, whatever happened. */
  async cleanUp(): Promise<void> {
    this.#driver.answerInitialize?.(this.client.name);
    for (const { exchange, key } of this.#open) {
      this.#driver.finish?.(key);
      exchange.hangUp();
    }
    if (this.client.sessionId !== undefined && this.#lastState !== 'terminated') await this.client.remove();
    this.client.initialize.hangUp();
  }

  get #idleTimeout(): number {
    return this.#path.timeouts.sessionIdleTimeout ?? 0;
  }

  async #perform({ event, expected }: PathStep, index: number): Promise<void> {
    this.#lastState = expected.state;
    switch (event.type) {
      case 'INITIALIZED':
        this.#driver.answerInitialize?.(this.client.name);
        await this.client.initialized();
        return;
      case 'REQUEST':
        return this.#hold(index);
      case 'RESPONSE':
        if (!this.#opening) return this.#endOldest();
        this.#opening = false;
        return this.#acknowledge();
      case 'WAIT':
        return this.#wait(WAIT * this.#idleTimeout);
      case 'REST':
        return this.#elapse(REST * this.#idleTimeout);
      case 'TERMINATE':
        if (event.reason === 'deleted') return this.#delete();
        this.client.note(`the session is ended: ${event.reason}`);
        return this.#driver.end?.(this.client.sessionId, this.client.name, event.reason);
      default:
        return this.#elapse(this.#timerOf(event.type) + this.#driver.grace);
    }
  }

  async #acknowledge(): Promise<void> {
    const sent = performance.now();
    const exchange = await this.client.acknowledge();
    const { status = 0 } = exchange;
    if (status < 200 || status > 299) this.#refused(exchange, 'notificationAccepted');
    this.#watch.used(sent);
    if (status !== 202 || exchange.hasBody) this.#note('notificationAccepted', exchange.describe());
  }

  /** How long until a timer fires, in ms, at most. */
  #timerOf(type: string): number {
    const name = type.split('.')[2] as keyof SessionTimeouts;
    const timeout = this.#path.timeouts[name] ?? 0;
    return name === 'maxSessionLifetime' ? Math.max(0, timeout - this.#spent) : timeout;
  }

  async #elapse(ms: number): Promise<void> {
    this.client.note(`${Math.round(ms)} ms pass`);
    for (const hold of this.#open) hold.waited = true;
    this.#spent += ms;
    await this.#driver.elapse(ms);
  }

  /** Time passes while something is in flight. A stream alone need not keep a session where the protocol leaves it open. */
  async #wait(ms: number): Promise<void> {
    const used = this.#driver.strict === false && this.#open.every(({ kind }) => kind === 'stream');
    if (!used) return this.#elapse(ms);
    const parts = Math.ceil(WAIT / REST);
    for (let part = 0; part < parts; part++) {
      await this.#elapse(ms / parts);
      await this.#ping();
    }
  }

  async #ping(): Promise<ModelExchange> {
    this.#expectInTime();
    const sent = performance.now();
    const ping = await this.client.ping();
    if (ping.status !== 200 || ping.responses.length !== 1) this.#refused(ping, 'sessionKept');
    this.#watch.used(sent);
    return ping;
  }

  #expectInTime(except?: ModelExchange): void {
    const isHeld = this.#open.some(({ kind, exchange }) => {
      const holds = kind === 'call' || this.#driver.strict !== false;
      return holds && exchange !== except && (exchange.status ?? 200) < 400;
    });
    if (!isHeld) this.#watch.expectInTime();
  }

  /** A session that should be there is not, or something else is wrong. */
  #refused(exchange: ModelExchange, rule: RuleName): never {
    this.#expectInTime(exchange);
    throw new Violation(exchange.status === 404 ? 'sessionKept' : rule, `${exchange.what}: ${exchange.describe()}`);
  }

  /** Puts something in flight: a call, the GET stream, or, where nothing lasts, a request that is over at once. */
  async #hold(index: number): Promise<void> {
    this.#expectInTime();
    const { streams, longCall } = this.#driver;
    const listening = this.#open.some(({ kind }) => kind === 'stream');
    const key = `${this.client.name}-${index}`;
    const hold = { key, duration: 0, begun: performance.now(), waited: false };
    if (streams && !listening && (this.#options.holds === 'streams' || longCall === undefined)) {
      const exchange = await this.client.openStream();
      if (exchange.status !== 200 || !exchange.isStream) this.#refused(exchange, 'streamOpened');
      this.#watch.used(hold.begun);
      this.#open.push({ ...hold, kind: 'stream', exchange });
      return;
    }
    if (longCall === undefined) {
      this.#open.push({ ...hold, kind: 'request', exchange: await this.#ping() });
      return;
    }
    const duration = Math.max(1, this.#durations.get(index) ?? 0);
    const exchange = this.client.call(longCall(key, duration));
    // Where it can be told to finish, its duration is nothing to wait for.
    this.#open.push({ ...hold, kind: 'call', exchange, duration: this.#driver.finish === undefined ? duration : 0 });
    await this.#driver.settle(exchange);
    if ((exchange.status ?? 200) >= 400) this.#refused(exchange, 'callAnswered');
  }

  /** The oldest hold ends: its call is answered, or the client closes its stream. */
  async #endOldest(): Promise<void> {
    const hold = this.#open.shift();
    if (hold === undefined) throw new Error('Nothing is in flight that could end');
    const { exchange, kind, key, duration, begun } = hold;
    if (kind === 'request') return;
    if (kind === 'stream') {
      this.client.note('the client closes its GET stream');
      this.#watch.used(performance.now());
      exchange.hangUp();
      await within(exchange.ended, this.#driver.patience);
      return;
    }
    this.client.note(`the answer of ${exchange.what} is due`);
    this.#driver.finish?.(key);
    await within(exchange.ended, duration + this.#driver.patience);
    if (!exchange.isServed) this.#cut(hold);
    this.#watch.used(begun + duration);
  }

  /** Something in flight is over before its time. */
  #cut({ exchange, kind, waited, begun }: OpenHold): never {
    const got = `${exchange.what}: ${exchange.describe()}`;
    if (kind === 'stream') throw new Violation('streamKept', got);
    // It was never in flight.
    if ((exchange.status ?? 200) >= 400) this.#refused(exchange, 'callAnswered');
    const isCut = (waited || this.#watch.isOld(begun)) && exchange.isEnded && exchange.responses.length < 2;
    throw new Violation(isCut ? 'callKept' : 'callAnswered', got);
  }

  async #delete(): Promise<void> {
    this.#expectInTime();
    const exchange = await this.client.remove();
    const { status = 0 } = exchange;
    if (status < 200 || status > 299) this.#refused(exchange, 'deleteAnswered');
  }

  async #check({ expected, event }: PathStep): Promise<void> {
    if (expected.state !== 'terminated') return this.#checkAlive();
    if (this.client.sessionId === undefined) return this.#checkRefused();
    if (event.type.startsWith('xstate.after')) await this.#checkEnded();
    else await this.client.expectGone();
    await this.#checkHoldsAnswered(expected.reason === 'lifetime');
  }

  #checkAlive(): void {
    for (const hold of this.#open) {
      if (!hold.exchange.isEnded || hold.kind === 'request') continue;
      // Where only its duration says when a call is answered, it may be over before its time.
      if (hold.exchange.isServed && this.#driver.finish === undefined) throw new Slip();
      this.#cut(hold);
    }
  }

  async #checkEnded(): Promise<void> {
    const ping = await this.client.ping();
    if (ping.status === 200) throw new Violation('sessionEnded', `${ping.what}: ${ping.describe()}`);
    await this.client.expectGone();
  }

  async #checkRefused(): Promise<void> {
    const { initialize } = this.client;
    await within(initialize.ended, this.#driver.patience);
    const refused = initialize.isEnded && (initialize.status ?? 0) >= 400 && !initialize.headers.has('mcp-session-id');
    if (!refused) throw new Violation('initializeRefused', initialize.describe());
  }

  /** Whoever waited for a session that has ended got an answer; at the end of its lifetime, once it is there. */
  async #checkHoldsAnswered(finishes: boolean): Promise<void> {
    const { patience, strict } = this.#driver;
    for (const { kind, exchange, key, duration } of this.#open) {
      const got = () => `${exchange.what}: ${exchange.describe()}`;
      if (finishes && kind === 'call') {
        if (exchange.isEnded) throw new Violation('callKept', got());
        this.#driver.finish?.(key);
      }
      if (kind === 'stream') {
        const isOver = await within(exchange.disconnected, strict === false ? STREAM_END : patience);
        if (!isOver) this.#differs('streamClosedAtEnd', got());
        exchange.hangUp();
        continue;
      }
      const isOver = await within(exchange.ended, duration + patience);
      if (!isOver || exchange.responses.length > 1) throw new Violation('callEndedAtEnd', got());
      if (exchange.responses.length === 0) this.#differs('callAnsweredAtEnd', got());
    }
    this.#open.length = 0;
  }

  /** What the protocol leaves open is not as in the model. */
  #differs(rule: RuleName, got: string): void {
    if (this.#driver.strict !== false || !('open' in RULES[rule])) throw new Violation(rule, got);
    this.#note(rule, got);
  }

  #note(rule: RuleName, got: string): void {
    this.found.push({ rule, got, actions: this.client.history });
  }
}
