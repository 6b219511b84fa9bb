/**
 * The simulation as a property for fast-check, which draws scripts at random and shrinks one that fails. The module is
 * passed in, so that nobody needs fast-check who doesn't use this.
 */
import type * as FastCheck from 'fast-check';
import { runScript, SimulationFailure, type SimulationScript } from './simulation.ts';
import { BOUNDS, type Command, KIND_TABLE } from './simulationCommands.ts';
import { SETTINGS } from './simulationSettings.ts';
import type { SimulationOptions } from './simulationWorld.ts';

/**
 * What `import fc from 'fast-check'` gives, and `import * as fc from 'fast-check'` too. Told by what is used of it: a
 * declaration that named fast-check's own types would not compile where it is not installed.
 */
export interface FastCheckModule {
  nat(max: number): unknown;
  constantFrom(...values: never[]): unknown;
  tuple(...values: never[]): unknown;
  array(values: never, constraints: never): unknown;
  asyncProperty(...drawnAndTried: never[]): unknown;
  check(property: never, parameters: never): unknown;
}

export interface SimulationPropertyOptions extends SimulationOptions {
  /** How many commands a script has at most. Default 100. */
  readonly maxCommands?: number | undefined;
}

/**
 * For `fc.assert`: whatever happens around a supervisor, the invariants hold. Its counterexample is a script for
 * `runScript`, and the error shows what happened in it.
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { simulationProperty } from 'mcp-session-supervisor/testing';
 *
 * await fc.assert(simulationProperty(fc), { numRuns: 20 });
 * ```
 */
export function simulationProperty<Module extends FastCheckModule>(
  fc: Module,
  { maxCommands = 100, ...options }: SimulationPropertyOptions = {},
): ReturnType<Module['asyncProperty']> {
  const { asyncProperty } = typed(fc);
  const property = asyncProperty(...drawn(typed(fc), maxCommands), async (settings, commands) => {
    await runScript({ settings, commands }, options);
  });
  return property as ReturnType<Module['asyncProperty']>;
}

/** The module as fast-check declares it. Within here its types are known, as it is a development dependency. */
function typed(fc: FastCheckModule): Typed {
  return fc as unknown as Typed;
}

type Typed = Omit<typeof FastCheck, 'default'>;

/**
 * Shrinks a script that fails. Returns the failure of the shortest one that was found and breaks the same invariant.
 * @throws {Error} when the script does not fail.
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { SimulationFailure, shrinkScript, simulate } from 'mcp-session-supervisor/testing';
 *
 * await simulate({ seed: 7 }).catch(async (error) => {
 *   if (error instanceof SimulationFailure) throw await shrinkScript(fc, error.script);
 * });
 * ```
 */
export async function shrinkScript(
  fc: FastCheckModule,
  script: SimulationScript,
  options: SimulationOptions = {},
): Promise<SimulationFailure> {
  let shortest = await failureOf(script, options);
  if (shortest === undefined) throw new Error('The script does not fail');
  const { atEnd, invariant } = shortest;
  const fails = async (settings: number, commands: readonly Command[]) => {
    const failure = await failureOf({ settings, commands }, { ...options, finish: atEnd });
    if (failure?.invariant !== invariant) return false;
    shortest = failure;
    return true;
  };
  // Coarsely first: fast-check shrinks well, but takes thousands of runs for what can be dropped in a hundred.
  for (let size = script.commands.length >> 1; size > 0; size >>= 1) {
    for (let end = shortest.script.commands.length; end > 0; end -= size) {
      const { settings, commands } = shortest.script;
      await fails(settings, [...commands.slice(0, Math.max(0, end - size)), ...commands.slice(end)]);
    }
  }
  await fails(0, shortest.script.commands);
  for (const index of shortest.script.commands.keys()) {
    for (const zeros of [[2, 3, 4], [2, 4], [4], [2]]) {
      const { settings, commands } = shortest.script;
      const simpler = commands.map((command, at) =>
        at === index
          ? (command.map((number, part) => (zeros.includes(part) ? 0 : number)) as unknown as Command)
          : command,
      );
      if (await fails(settings, simpler)) break;
    }
  }
  const { settings, commands } = shortest.script;
  const { asyncProperty, check } = typed(fc);
  const property = asyncProperty(...drawn(typed(fc), commands.length), async (...values) => !(await fails(...values)));
  await check(property, { examples: [[settings, commands]], numRuns: 1 });
  return shortest;
}

async function failureOf(script: SimulationScript, options: SimulationOptions): Promise<SimulationFailure | undefined> {
  try {
    await runScript(script, options);
    return undefined;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

function drawn(
  fc: Typed,
  maxLength: number,
): [settings: FastCheck.Arbitrary<number>, commands: FastCheck.Arbitrary<Command[]>] {
  const command = fc.tuple(
    fc.constantFrom(...KIND_TABLE),
    fc.nat(BOUNDS.who - 1),
    fc.nat(BOUNDS.which - 1),
    fc.nat(BOUNDS.how - 1),
    fc.nat(BOUNDS.rest - 1),
  );
  return [fc.nat(SETTINGS - 1), fc.array(command, { maxLength, size: 'max' })];
}
