/**
 * A deterministic simulation: one schedule decides when every client, server, store and timer around a supervisor goes
 * on, and the invariants are checked after every step. The same seed gives the same simulation, step by step.
 */

import { createSessionSupervisor } from '../../index.ts';
import { random } from '../random.ts';
import { INVARIANTS, type Invariant } from './invariants.ts';
import { type ModernSdk, modernSdk } from './modernSdk.ts';
import { type Command, CommandDraw, rest, run } from './simulationCommands.ts';
import { describeSettings, SETTINGS, settingsOf } from './simulationSettings.ts';
import { type SimulationOptions, SimulationWorld } from './simulationWorld.ts';

/** What is simulated: the number of the settings, and what happens one after the other. */
export interface SimulationScript {
  readonly settings: number;
  readonly commands: readonly Command[];
}

/** What a simulation did. */
export interface SimulationResult {
  readonly script: SimulationScript;
  /** What happened, in readable lines. */
  readonly trace: readonly string[];
}

/** An invariant did not hold. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
  /** The name of the invariant. */
  readonly invariant: string;
  /** What was seen instead. */
  readonly got: string;
  /** The commands up to the failure. */
  readonly script: SimulationScript;
  readonly trace: readonly string[];
  /** The seed, where the script was drawn from one. */
  readonly seed: number | undefined;
  /** It failed only when all commands were done, in the drain at the end. */
  readonly atEnd: boolean;

  constructor({ name, says }: Pick<Invariant, 'name' | 'says'>, got: string, result: Simulation, seed?: number) {
    const { atEnd, script, trace } = result;
    const from = seed === undefined ? '' : ` (seed ${seed})`;
    const again = `runScript(${JSON.stringify(script)})`;
    super([`${name}: ${says}`, `But: ${got}${from}`, '', ...trace, '', `Again: ${again}`].join('\n'));
    this.invariant = name;
    this.got = got;
    this.script = script;
    this.trace = trace;
    this.seed = seed;
    this.atEnd = atEnd;
  }
}

const NO_SURPRISES = { name: 'noSurprises', says: 'Nothing happens that the supervisor itself calls a mistake.' };

type Moment = 'always' | 'settled' | 'drained';

/** One run of a simulation: performs commands, and stops at the first invariant that does not hold. */
class Simulation {
  readonly world: SimulationWorld;
  readonly trace: string[];
  readonly commands: Command[] = [];
  atEnd = false;
  readonly #settings: number;
  readonly #seed: number | undefined;
  #broken: { readonly invariant: Pick<Invariant, 'name' | 'says'>; readonly got: string } | undefined;

  constructor(settings: number, sdk: ModernSdk | undefined, options: SimulationOptions, seed?: number) {
    this.#settings = settings;
    this.#seed = seed;
    const wanted = settingsOf(settings);
    const given = { ...wanted, modern: wanted.modern && sdk !== undefined };
    const lacking = given.modern === wanted.modern ? '' : ', but SDK v2 is not installed';
    this.trace = [`settings ${settings}: ${describeSettings(settings)}${lacking}`];
    const each = (look: (invariant: Invariant) => string | undefined) => this.#look(look);
    this.world = new SimulationWorld(
      given,
      {
        heard: (session, event) => each(({ heard }) => heard?.(this.world, session, event)),
        said: (ending) => each(({ said }) => said?.(this.world, ending)),
        ended: (session, lastActiveAt) => each(({ ended }) => ended?.(this.world, session, lastActiveAt)),
        answered: (exchange) => each(({ answered }) => answered?.(this.world, exchange)),
        received: (exchange, message) => each(({ received }) => received?.(this.world, exchange, message)),
        surprised: (got) => {
          this.#broken ??= { invariant: NO_SURPRISES, got };
        },
      },
      options,
      sdk,
    );
  }

  get script(): SimulationScript {
    return { settings: this.#settings, commands: this.commands };
  }

  /** Performs commands, one after the other. */
  async perform(commands: Iterable<Command>): Promise<void> {
    for (const command of commands) {
      const what = run(this.world, command);
      // One that means nothing costs no turn of promises either: the script that leaves it out would miss that turn.
      if (what !== undefined) await this.#step(command, what);
    }
  }

  async #step(command: Command, what: string): Promise<void> {
    const { world } = this;
    this.commands.push(command);
    this.#tell(`${this.commands.length}. ${what}`);
    await world.elapse(() => this.#check());
    await rest(world, command);
    this.#check();
  }

  /** Drains the supervisor while whoever waits goes on waiting; then lets them all go on. Nothing may be left. */
  async finish(): Promise<void> {
    const { world } = this;
    this.atEnd = true;
    this.#tell('the end: drain(), and time passes');
    world.drain();
    await world.settle();
    // Whatever may take its time, the supervisor waits for it as long only as its options say.
    for (let n = 0; n < 30 && (!world.drained || world.clock.nextDue !== undefined); n++) {
      world.passUntil(world.now + 10_000);
      await world.elapse(() => this.#check());
      await world.settle();
      this.#check();
    }
    if (!world.drained) this.#break(NO_SURPRISES, 'The drain does not come to an end');
    this.#check('drained');
    this.#tell('whoever still waits goes on');
    while (world.points.waiting.length > 0) {
      world.points.waiting[0]?.release();
      await world.settle();
    }
    this.#check();
    this.#check('drained');
  }

  #check(moment?: Moment): void {
    this.#tell();
    if (moment !== undefined) this.#look((invariant) => invariant[moment]?.(this.world));
    else {
      this.#look(({ always }) => always?.(this.world));
      if (this.world.settled) this.#look(({ settled }) => settled?.(this.world));
    }
    if (this.#broken !== undefined) this.#break(this.#broken.invariant, this.#broken.got);
  }

  #look(look: (invariant: Invariant) => string | undefined): void {
    if (this.#broken !== undefined) return;
    for (const invariant of INVARIANTS) {
      const got = look(invariant);
      if (got !== undefined) {
        this.#broken = { invariant, got };
        return;
      }
    }
  }

  #break(invariant: Pick<Invariant, 'name' | 'says'>, got: string): never {
    throw new SimulationFailure(invariant, got, this, this.#seed);
  }

  #tell(line?: string): void {
    const { lines } = this.world;
    this.world.lines = [];
    if (line !== undefined) this.trace.push(line);
    for (const happened of lines) this.trace.push(`     ${happened}`);
  }
}

/**
 * Runs a script to its end, and then drains. Commands that mean nothing where they stand are left out.
 * @throws {SimulationFailure} when an invariant does not hold.
 * @example
 * ```ts
 * import { runScript, SimulationFailure, simulate } from 'mcp-session-supervisor/testing';
 *
 * try {
 *   await simulate({ seed: 7 });
 * } catch (error) {
 *   if (error instanceof SimulationFailure) await runScript(error.script); // the same once more
 * }
 * ```
 */
export async function runScript(script: SimulationScript, options: SimulationOptions = {}): Promise<SimulationResult> {
  const simulation = new Simulation(script.settings, await sdkFor(script.settings, options), options);
  await simulation.perform(script.commands);
  if (options.finish !== false) await simulation.finish();
  return simulation;
}

export interface SimulateOptions extends SimulationOptions {
  /** The same seed gives the same simulation. */
  readonly seed: number;
  /** How many things happen, besides what comes of them. Default 150. */
  readonly steps?: number | undefined;
}

/**
 * Draws a script from a seed and runs it.
 * @throws {SimulationFailure} when an invariant does not hold.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { simulate } from 'mcp-session-supervisor/testing';
 *
 * for (const seed of [1, 2, 3]) test(`seed ${seed}`, () => simulate({ seed }).then(() => {}));
 * ```
 */
export async function simulate({ seed, steps = 150, ...options }: SimulateOptions): Promise<SimulationResult> {
  const numbers = random(seed);
  const settings = Math.floor(numbers() * SETTINGS);
  const simulation = new Simulation(settings, await sdkFor(settings, options), options, seed);
  const more = () => simulation.commands.length < steps && !simulation.world.drained;
  await simulation.perform(drawn(numbers, more));
  if (options.finish !== false) await simulation.finish();
  return simulation;
}

/** What a world needs that serves requests without sessions. */
async function sdkFor(settings: number, { create }: SimulationOptions): Promise<ModernSdk | undefined> {
  return settingsOf(settings).modern ? modernSdk(create ?? createSessionSupervisor) : undefined;
}

function* drawn(numbers: () => number, more: () => boolean): Iterable<Command> {
  const draw = new CommandDraw(numbers);
  while (more()) yield draw.next();
}
