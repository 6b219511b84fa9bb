/** What the stores share: the connection, scripts, and what is known of the servers behind it. */
import { createHash } from 'node:crypto';
import { SYSTEM_CLOCK } from '../clock.ts';
import { Connection, Unanswered } from './connection.ts';
import { isReply, storeFailure } from './failure.ts';
import { Links } from './link.ts';
import { loadRedis } from './peer.ts';
import type { ResolvedRedisOptions } from './redisOptions.ts';
import { Restarts } from './restarts.ts';

/** A script that Redis runs as one step. Its keys are in one slot. */
export class Script {
  readonly text: string;
  readonly sha: string;

  constructor(text: string) {
    this.text = text;
    this.sha = createHash('sha1').update(text).digest('hex');
  }
}

/** How long a script is tried whose keys a cluster is moving, and how often, in ms. */
const MOVING_TIME = 1_000;
const MOVING_PAUSE = 25;

export class RedisStores {
  readonly prefix: string;
  readonly restarts: Restarts;
  readonly #where: string;
  readonly #connection: Connection;

  constructor({ target, where, prefix }: ResolvedRedisOptions) {
    this.prefix = prefix;
    this.#where = where;
    this.restarts = new Restarts(() => performance.now());
    const links = new Links(target);
    this.#connection = new Connection({
      where,
      open: async (lost, stop) => links.open(await loadRedis(), lost, stop),
      opened: async (link) => this.restarts.note(await link.servers()),
      timers: SYSTEM_CLOCK,
      random: Math.random,
    });
  }

  /**
   * Runs a script.
   * @throws {SupervisorError} `STORE_FAILED`, `STORE_CLOSED` or `PACKAGE_MISSING`
   */
  async run(script: Script, keys: readonly [string, ...string[]], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    const began = performance.now();
    let command = ['EVALSHA', script.sha];
    for (;;) {
      try {
        return await this.#connection.send(keys[0], [...command, ...rest]);
      } catch (error) {
        if (!isReply(error)) throw error;
        const moves = error.message.startsWith('TRYAGAIN') && performance.now() - began < MOVING_TIME;
        if (!moves && !error.message.startsWith('NOSCRIPT')) throw storeFailure(this.#where, error);
        if (moves) await new Promise((resolve) => setTimeout(resolve, MOVING_PAUSE));
        // It was restarted, or never saw the script. Nothing was done yet, by either.
        else command = ['EVAL', script.text];
      }
    }
  }

  /**
   * Runs a script that does the same however often it is run with these arguments: where nobody knows whether it was done,
   * it is run once more and says what came of it.
   */
  async runTwice(script: Script, keys: readonly [string, ...string[]], args: readonly string[]): Promise<unknown> {
    try {
      return await this.run(script, keys, args);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      return this.run(script, keys, args);
    }
  }

  /** Runs one command. */
  async command(key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#connection.send(key, args);
    } catch (error) {
      throw isReply(error) ? storeFailure(this.#where, error) : error;
    }
  }

  /** @throws {SupervisorError} `STORE_CLOSED` */
  checkOpen(): void {
    this.#connection.checkOpen();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
