/**
 * Mutants of a statechart, made from its definition: each guard negated, each action dropped, each target swapped, each
 * delayed transition and each event's transition removed. A mutant is a whole machine, with the same implementations.
 */
import { type AnyStateMachine, createMachine, not } from 'xstate';

interface TransitionConfig {
  target?: string;
  guard?: unknown;
  actions?: unknown;
}

interface StateConfig {
  initial?: string;
  entry?: unknown;
  on?: Record<string, unknown>;
  after?: Record<string, unknown>;
  states?: Record<string, StateConfig>;
}

export interface MachineMutant {
  readonly name: string;
  make(): AnyStateMachine;
}

/** A change of a definition, found by walking it; the same walk over a copy carries it out. */
interface Change {
  readonly name: string;
  apply(): void;
}

/** All mutants of a machine. */
export function machineMutants(machine: AnyStateMachine): MachineMutant[] {
  return changesOf(copy(machine.config) as StateConfig, machine.id).map(({ name }, index) => ({
    name,
    make: () => {
      const config = copy(machine.config) as StateConfig;
      changesOf(config, machine.id)[index]?.apply();
      return createMachine(config as never, machine.implementations as never);
    },
  }));
}

function changesOf(root: StateConfig, id: string): Change[] {
  const states = Object.keys(root.states ?? {});
  return [
    ...stateChanges(root, id, states, '.'),
    ...Object.entries(root.states ?? {}).flatMap(([name, state]) => stateChanges(state, `${id}.${name}`, states, '')),
  ];
}

function stateChanges(state: StateConfig, where: string, states: readonly string[], prefix: string): Change[] {
  const changes = dropping(state, 'entry', `${where}: entry`);
  for (const kind of ['on', 'after'] as const) {
    const table = state[kind] ?? {};
    for (const key of Object.keys(table)) {
      const name = `${where}: ${kind === 'after' ? 'after ' : ''}${key}`;
      changes.push({ name: `${name} removed`, apply: () => void delete table[key] });
      const transitions = list(table[key]).map(toTransition);
      table[key] = transitions;
      for (const [n, transition] of transitions.entries()) {
        changes.push(
          ...transitionChanges(transition, where, transitions.length > 1 ? `${name} [${n}]` : name, states, prefix),
        );
      }
    }
  }
  return changes;
}

function transitionChanges(
  transition: TransitionConfig,
  where: string,
  name: string,
  states: readonly string[],
  prefix: string,
): Change[] {
  const changes = dropping(transition, 'actions', name);
  const { guard, target } = transition;
  if (guard !== undefined) {
    changes.push({
      name: `${name}: guard ${nameOf(guard)} negated`,
      apply: () => {
        transition.guard = not(guard as never);
      },
    });
  }
  for (const other of states.map((state) => prefix + state)) {
    // A transition without a target, and one to the state it is in, are the same: neither leaves it.
    if (other === target || (target === undefined && where.endsWith(`.${other}`))) continue;
    changes.push({
      name: `${name}: target ${target ?? 'none'} → ${other}`,
      apply: () => {
        transition.target = other;
      },
    });
  }
  return changes;
}

/** Each action of a list dropped. */
function dropping<K extends 'entry' | 'actions'>(owner: { [key in K]?: unknown }, key: K, where: string): Change[] {
  const actions = list(owner[key]);
  return actions.map((action, index) => ({
    name: `${where}: ${nameOf(action)} dropped`,
    apply: () => {
      owner[key] = actions.filter((_, n) => n !== index);
    },
  }));
}

function toTransition(given: unknown): TransitionConfig {
  return typeof given === 'string' ? { target: given } : (given as TransitionConfig);
}

function nameOf(given: unknown): string {
  const type = typeof given === 'string' ? given : (given as { type?: string; name?: string }).type;
  return type ?? (given as { name?: string }).name ?? 'anonymous';
}

function list(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** A deep copy that keeps functions, and what is made by xstate, as they are. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
}
