/**
 * A statechart as a Mermaid `stateDiagram-v2`, drawn from the machine's own definition. Knows xstate alone. What it
 * can't draw it refuses, so that no diagram leaves anything out.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

export interface DrawingOptions {
  /** Draws actions as well: `/ action` at a transition, `entry / action` in a state. Default false. */
  readonly actions?: boolean | undefined;
}

/** Stands for the machine itself, whose transitions are possible in every state. */
const ANY = 'any_state';

/** Words that Mermaid reads as something else where a state's name is expected. */
const RESERVED = new Set([ANY, 'state', 'note', 'end', 'class', 'classDef', 'direction', 'default', 'as', 'scale']);

/**
 * Draws a machine of one level. A transition that leaves its state or comes back to it is an arrow, one without a
 * target a line within the state's box (UML's internal transition); delays and guards appear by their names.
 * @throws {Error} for what is not drawn: states within states, invocations, guards and delays without a name.
 */
export function stateDiagram(machine: AnyStateMachine, { actions = false }: DrawingOptions = {}): string {
  const { root } = machine;
  const states: AnyStateNode[] = Object.values(root.states);
  const lines: string[] = [];
  const draw = (id: string, title: string, node: AnyStateNode) => {
    const transitions = transitionsOf(node);
    const leaving = transitions.filter(({ target }) => target !== undefined);
    const within = transitions.filter(({ target }) => target === undefined).map((one) => labelOf(one, actions));
    const box = [...(actions ? [...named(node.entry, 'entry'), ...named(node.exit, 'exit')] : []), ...within];
    if (title !== id) lines.push(`state "${title}" as ${id}`);
    else if (box.length > 0) lines.push(`${id}: ${id}`); // else the first line of the box would be its title
    for (const line of box) lines.push(`${id}: ${line}`);
    for (const [target, labels] of arrows(leaving, actions)) lines.push(`${id} --> ${target}: ${labels.join('<br/>')}`);
  };

  for (const initial of root.initial.target ?? []) lines.push(`[*] --> ${initial.key}`);
  for (const state of states) {
    refuse(state);
    draw(state.key, state.key, state);
    if (state.type === 'final') lines.push(`${state.key} --> [*]`);
  }
  // Last, so that Mermaid lays out the states first.
  if (states.length === 0) {
    draw(machine.id, machine.id, root);
  } else if (transitionsOf(root).length > 0) {
    draw(ANY, 'any state', root);
    lines.push('classDef dashed stroke-dasharray: 5', `class ${ANY} dashed`);
  }
  return ['stateDiagram-v2', ...lines.map((line) => `  ${line}`)].join('\n');
}

function refuse({ key, type, invoke }: AnyStateNode): void {
  if (type !== 'atomic' && type !== 'final') throw new Error(`${key}: ${type} states are not drawn`);
  if (invoke.length > 0) throw new Error(`${key}: invocations are not drawn`);
  if (!/^[a-zA-Z]\w*$/.test(key) || RESERVED.has(key)) throw new Error(`${key}: not a name that Mermaid takes`);
}

function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

/** The labels of what leads to each target. Arrows between the same two states would cover one another. */
function arrows(leaving: readonly AnyTransitionDefinition[], actions: boolean): Map<string, string[]> {
  const byTarget = new Map<string, string[]>();
  for (const transition of leaving) {
    for (const { key } of transition.target ?? []) {
      byTarget.set(key, [...(byTarget.get(key) ?? []), labelOf(transition, actions)]);
    }
  }
  return byTarget;
}

function labelOf(transition: AnyTransitionDefinition, actions: boolean): string {
  const { delay, eventType, guard } = transition as AnyTransitionDefinition & { delay?: unknown };
  let label: string = eventType === '' ? 'always' : eventType;
  if (delay !== undefined) {
    if (typeof delay !== 'string' && typeof delay !== 'number') throw new Error(`${label}: a delay without a name`);
    label = `after ${delay}`;
  }
  if (guard !== undefined) label += ` [${nameOf(guard, label)}]`;
  if (actions) label += named(transition.actions, '').join('');
  return checked(label);
}

/** `/ one, other`, after a word; nothing where there are no actions. What xstate does for `after` is not shown. */
function named(actions: readonly unknown[], word: string): string[] {
  const names = actions.map((action) => nameOf(action, word)).filter((name) => name !== 'raise' && name !== 'cancel');
  return names.length === 0 ? [] : [checked(`${word} / ${names.join(', ')}`)];
}

function nameOf(what: unknown, where: string): string {
  if (typeof what === 'string') return what;
  const type = (what as { type?: unknown } | null)?.type;
  if (typeof type === 'string') return type.replace(/^xstate\./, '');
  throw new Error(`${where}: a guard or an action without a name`);
}

/** Mermaid ends a label at these, or reads them as something else. */
function checked(label: string): string {
  if (/[:;#<>\n]/.test(label)) throw new Error(`${label}: not a label that Mermaid takes`);
  return label;
}
