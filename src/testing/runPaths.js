import { ModelClient, within } from './modelClient.ts';
import { Violation } from './rules.ts';
import { describePath } from './sessionPaths.ts';

/** Time that passes while something is in flight, as a multiple of the idle timeout. */
const WAIT = 1.5;
/** Time that passes while nothing is in flight, as a multiple of the idle timeout. Twice this is more than one. */
const REST = 0.6;
/** Drives a system along paths. Rejects only if the driver does. */
export async function runPaths(paths, driver, { concurrency = 1, onPath, signal } = {}) {
  const results = [];
  let next = 0;
  const work = async () => {
    while (next < paths.length && signal?.aborted !== true) {
      const path = paths[next++];
      if (path === undefined) return;
      const result = await runPath(path, driver, `model-${next}-${Math.random().toString(36).slice(2, 8)}`);
      results.push(result);
      onPath?.(result, results.length, paths.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const shortest = new Map();
  for (const { violation } of results) {
    const known = violation && shortest.get(violation.rule);
    if (violation && (known === undefined || violation.script.length < known.script.length)) {
      shortest.set(violation.rule, violation);
    }
  }
  return {
    paths: results.length,
    covered: new Set(results.flatMap(({ covered }) => covered)),
    violations: [...shortest.values()],
  };
}
/** Drives a system along one path. */
export async function runPath(path, driver, name) {
  const run = new PathRun(path, driver, name);
  const covered = [];
  let violation;
  try {
    for (const [index, step] of path.steps.entries()) {
      await run.take(step, index);
      covered.push(step.transition);
    }
    await run.finish();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const script = describePath(path).slice(0, covered.length + 1);
    violation = { rule: error.rule, got: error.got, script };
  } finally {
    await run.cleanUp();
  }
  return { path, covered, violation };
}
class PathRun {
  #path;
  #driver;
  #client;
  /** What is in flight, oldest first. */
  #holds = [];
  #spent = 0;
  #opening = true;
  constructor(path, driver, name) {
    this.#path = path;
    this.#driver = driver;
    this.#client = new ModelClient(driver, name);
  }
  async take(step, index) {
    if (index === 0) await this.#driver.settle(this.#client.initialize);
    await this.#perform(step, index);
    await this.#driver.settle();
    await this.#check(step);
  }
  /** At the end of a path that leaves the session alive: it still answers, and can be ended. */
  async finish() {
    if (this.#client.sessionId === undefined || this.#lastState === 'terminated') return;
    const ping = await this.#client.ping();
    if (ping.status !== 200 || ping.responses.length !== 1)
      throw new Violation('sessionKept', `ping: ${ping.describe()}`);
    while (this.#holds.length > 0) await this.#endOldest(this.#driver.grace);
    if (!this.#driver.endings.includes('deleted')) return;
    await this.#delete();
    await this.#client.expectGone();
  }
  /** Leaves nothing behind, whatever happened. */
  async cleanUp() {
    this.#driver.answerInitialize?.(this.#client.name);
    for (const { exchange, key } of this.#holds) {
      this.#driver.finish?.(key);
      exchange.hangUp();
    }
    if (this.#client.sessionId !== undefined && this.#lastState !== 'terminated') await this.#client.remove();
    this.#client.initialize.hangUp();
  }
  #lastState = 'initializing';
  async #perform({ event, expected }, index) {
    const idle = this.#path.timeouts.sessionIdleTimeout ?? 0;
    this.#lastState = expected.state;
    switch (event.type) {
      case 'INITIALIZED':
        this.#driver.answerInitialize?.(this.#client.name);
        return this.#client.initialized();
      case 'REQUEST':
        return this.#hold(index);
      case 'RESPONSE':
        if (!this.#opening) return this.#endOldest(this.#timeUntil(index));
        this.#opening = false;
        return this.#client.acknowledge();
      case 'WAIT':
        return this.#elapse(WAIT * idle);
      case 'REST':
        return this.#elapse(REST * idle);
      case 'TERMINATE':
        if (event.reason === 'deleted') return this.#delete();
        return this.#driver.end?.(this.#client.sessionId, this.#client.name, event.reason);
      default:
        return this.#elapse(this.#timerOf(event.type) + this.#driver.grace);
    }
  }
  /** How long until a timer fires, in ms, at most. */
  #timerOf(type) {
    const name = type.split('.')[2];
    const timeout = this.#path.timeouts[name] ?? 0;
    return name === 'maxSessionLifetime' ? Math.max(0, timeout - this.#spent) : timeout;
  }
  async #elapse(ms) {
    this.#spent += ms;
    await this.#driver.elapse(ms);
  }
  /** Puts something in flight: a call, or the GET stream. */
  async #hold(index) {
    const { streams, longCall } = this.#driver;
    const listening = this.#holds.some(({ kind }) => kind === 'stream');
    const stream = streams && !listening && (longCall === undefined || index % 2 === 1);
    const key = `${this.#client.name}-${index}`;
    if (!stream && longCall === undefined) throw new Error('The path needs more in flight than the driver can hold');
    const exchange =
      stream || longCall === undefined
        ? this.#client.listen()
        : this.#client.call(longCall(key, this.#plannedDuration(index)));
    this.#holds.push({ kind: stream ? 'stream' : 'call', exchange, key });
    await this.#driver.settle(exchange);
    const opened = exchange.status === 200 && exchange.isStream;
    if (stream && !(await within(exchange.answered, this.#driver.patience)) && !opened)
      throw new Violation('streamOpened', exchange.describe());
    if (exchange.status === 404) throw new Violation('sessionKept', `${exchange.what}: ${exchange.describe()}`);
  }
  /** How long a call has to last that begins with a step: until the step that ends it. */
  #plannedDuration(index) {
    let before = this.#holds.length;
    let duration = this.#driver.grace;
    const idle = this.#path.timeouts.sessionIdleTimeout ?? 0;
    for (const { event, expected } of this.#path.steps.slice(index + 1)) {
      if (event.type === 'RESPONSE' && before-- === 0) return duration;
      if (event.type === 'WAIT') duration += WAIT * idle;
      if (expected.state === 'terminated') break;
    }
    return duration + 10 * this.#driver.grace; // the path ends it in another way
  }
  #timeUntil(index) {
    return this.#plannedDuration(index) + this.#driver.grace;
  }
  /** The oldest hold ends: its call is answered, or the client closes its stream. */
  async #endOldest(patience) {
    const hold = this.#holds.shift();
    if (hold === undefined) throw new Error('Nothing is in flight that could end');
    const { exchange, kind, key } = hold;
    if (kind === 'stream') {
      exchange.hangUp();
      await within(exchange.ended, this.#driver.patience);
      return;
    }
    this.#driver.finish?.(key);
    const ended = await within(exchange.ended, patience + this.#driver.patience);
    const [response] = exchange.responses;
    if (!ended || exchange.responses.length !== 1 || response?.result === undefined) {
      throw new Violation('callAnswered', exchange.describe());
    }
  }
  async #delete() {
    const exchange = await this.#client.remove();
    const { status = 0 } = exchange;
    if (status < 200 || status > 299) throw new Violation('deleteAnswered', exchange.describe());
  }
  async #check({ expected, event }) {
    if (expected.state !== 'terminated') return this.#checkAlive();
    if (this.#client.sessionId === undefined) return this.#checkRefused();
    if (event.type.startsWith('xstate.after')) await this.#checkEnded();
    else await this.#client.expectGone();
    await this.#checkHoldsAnswered(expected.reason === 'lifetime');
  }
  #checkAlive() {
    for (const { kind, exchange } of this.#holds) {
      if (!exchange.isEnded) continue;
      throw new Violation(kind === 'call' ? 'callKept' : 'streamKept', `${exchange.what}: ${exchange.describe()}`);
    }
  }
  async #checkEnded() {
    const ping = await this.#client.ping();
    if (ping.status === 200) throw new Violation('sessionEnded', `ping: ${ping.describe()}`);
    await this.#client.expectGone();
  }
  async #checkRefused() {
    const { initialize } = this.#client;
    await within(initialize.ended, this.#driver.patience);
    const refused = initialize.isEnded && (initialize.status ?? 0) >= 400 && !initialize.headers.has('mcp-session-id');
    if (!refused) throw new Violation('initializeRefused', initialize.describe());
  }
  /** Whoever waited for a session that has ended got an answer; at the end of its lifetime, once it is there. */
  async #checkHoldsAnswered(finishes) {
    for (const { kind, exchange, key } of this.#holds) {
      if (finishes && kind === 'call') {
        if (exchange.isEnded) throw new Violation('callKept', exchange.describe());
        this.#driver.finish?.(key);
      }
      const ended = await within(exchange.ended, this.#driver.patience);
      if (kind === 'stream' && !ended) throw new Violation('streamClosedAtEnd', exchange.describe());
      if (kind === 'call' && (!ended || exchange.responses.length !== 1)) {
        throw new Violation('callAnsweredAtEnd', exchange.describe());
      }
    }
    this.#holds.length = 0;
  }
}
