/**
 * A shorter way for the transitions that every request takes. xstate finds out anew each time which states a transition
 * leaves and enters, for any nesting of states; from one state of a flat machine to the next it is the same each time.
 * So it is read once from the machine's own nodes, and done with xstate's own parts: its executor runs the actions, its
 * scheduler has the timers, in its order. What is not as simple as that, and whatever somebody inspects, goes xstate's way.
 */
import type {
  AnyActorScope,
  AnyMachineSnapshot,
  AnyStateMachine,
  AnyStateNode,
  EventObject,
  MachineContext,
} from 'xstate';

/** What an action is told, and a guard, and what computes a delay. */
interface Args {
  readonly context: MachineContext;
  readonly event: EventObject;
  readonly self: AnyActorScope['self'];
  readonly system: AnyActorScope['system'];
}

type Exec = (args: Args, params: undefined) => void;
type Assigner = (args: Args & { readonly spawn: () => never }) => unknown;

/** What is done on the way. */
type Step =
  | { readonly kind: 'run'; readonly type: string; readonly exec: Exec | undefined }
  | { readonly kind: 'assign'; readonly members: readonly (readonly [name: string, value: Assigner])[] }
  | {
      readonly kind: 'schedule';
      readonly id: string;
      readonly event: EventObject;
      readonly delay: (args: Args) => number;
    }
  | { readonly kind: 'cancel'; readonly id: string };

/** A state to be in, as a snapshot has it. */
type Place = Pick<AnyMachineSnapshot, 'value' | 'tags' | '_nodes'>;

interface Way {
  readonly guard: ((args: Pick<Args, 'context' | 'event'>, params: undefined) => boolean) | undefined;
  readonly steps: readonly Step[];
  /** Where it leads; undefined where it stays. */
  readonly to: Place | undefined;
}

/** The ways of an event out of a state; the first that is open is taken. */
type Ways = readonly Way[];

/** Has the simple transitions of a machine take the direct way, as long as nobody inspects. Returns the machine. */
export function withDirectTransitions<M extends AnyStateMachine>(machine: M, isInspected: () => boolean): M {
  const known = new Map<unknown, ReadonlyMap<string, Ways>>();
  for (const node of Object.values<AnyStateNode>(machine.root.states)) known.set(node, waysOf(machine, node));
  const transition = machine.transition.bind(machine) as Transition;
  const direct: Transition = (snapshot, event, scope) => {
    const ways = isInspected() ? undefined : known.get(snapshot._nodes[1])?.get(event.type);
    const way = ways && openWay(ways, snapshot.context, event);
    return way === undefined ? transition(snapshot, event, scope) : take(way, snapshot, event, scope);
  };
  return Object.assign(machine, { transition: direct });
}

type Transition = (snapshot: AnyMachineSnapshot, event: EventObject, scope: AnyActorScope) => AnyMachineSnapshot;

function openWay(ways: Ways, context: MachineContext, event: EventObject): Way | undefined {
  try {
    for (const way of ways) if (way.guard === undefined || way.guard({ context, event }, undefined)) return way;
  } catch {
    // A guard that throws is asked again by xstate, which says whose it is.
  }
  return undefined;
}

function take(
  { steps, to }: Way,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
  scope: AnyActorScope,
): AnyMachineSnapshot {
  const { self, system } = scope;
  let context = snapshot.context as MachineContext;
  const timers: (() => void)[] = [];
  for (const step of steps) {
    const args = { context, event, self, system };
    switch (step.kind) {
      case 'run': {
        scope.actionExecutor({ type: step.type, info: args, params: undefined, exec: step.exec as never });
        break;
      }
      case 'assign': {
        const assigned: MachineContext = { ...context };
        for (const [name, value] of step.members) assigned[name] = value({ context, event, self, system, spawn });
        context = assigned;
        break;
      }
      case 'schedule': {
        const delay = step.delay(args);
        timers.push(() => system.scheduler.schedule(self, self, step.event, delay, step.id));
        break;
      }
      case 'cancel': {
        timers.push(() => system.scheduler.cancel(self, step.id));
      }
    }
  }
  // When the new snapshot is the actor's.
  if (timers.length > 0) scope.defer(() => timers.forEach((act) => void act()));
  if (to === undefined && context === snapshot.context) return snapshot;
  const { value, tags, _nodes } = to ?? snapshot;
  return {
    status: snapshot.status,
    output: snapshot.output,
    error: snapshot.error,
    machine: snapshot.machine,
    context,
    _nodes,
    value,
    tags,
    children: snapshot.children,
    historyValue: snapshot.historyValue,
    matches: snapshot.matches,
    hasTag: snapshot.hasTag,
    can: snapshot.can,
    getMeta: snapshot.getMeta,
    toJSON: snapshot.toJSON,
  } as AnyMachineSnapshot;
}

function spawn(): never {
  throw new Error('A session’s actor has no children');
}

/** What events do in a state, as far as all that one does there is simple. */
function waysOf(machine: AnyStateMachine, node: AnyStateNode): Map<string, Ways> {
  const simple = new Map<string, Ways>();
  if (hasAlways(machine.root) || !isPlain(node)) return simple;
  for (const [type, candidates] of node.transitions) {
    const ways = candidates.map((candidate) => wayOf(machine, node, candidate));
    if (isComplete(ways)) simple.set(type, ways);
  }
  return simple;
}

function wayOf(
  machine: AnyStateMachine,
  from: AnyStateNode,
  { guard, target = [], actions }: Candidate,
): Way | undefined {
  const [to, another] = target;
  if (another !== undefined || to === from) return undefined;
  if (to !== undefined && !(to.parent === machine.root && isPlain(to))) return undefined;
  const judge: unknown = typeof guard === 'string' ? machine.implementations.guards[guard] : guard;
  if (judge !== undefined && !isPlainFunction(judge, 'check')) return undefined;
  const all = to === undefined ? actions : [...from.exit, ...actions, ...to.entry];
  const steps = all.map((action) => stepOf(machine, action));
  if (!isComplete(steps)) return undefined;
  const place = to && { _nodes: [machine.root, to], value: to.key, tags: new Set(to.tags) };
  return { guard: judge as Way['guard'], steps, to: place };
}

interface Candidate {
  readonly guard?: unknown;
  readonly target?: readonly AnyStateNode[] | undefined;
  readonly actions: readonly unknown[];
}

function isPlain(node: AnyStateNode): boolean {
  return node.type === 'atomic' && node.invoke.length === 0 && !hasAlways(node);
}

function hasAlways({ always }: AnyStateNode): boolean {
  return always !== undefined && always.length > 0;
}

function isComplete<T>(list: readonly (T | undefined)[]): list is readonly T[] {
  return !list.includes(undefined);
}

/** A function of the machine's owner, not one that xstate has made, which it knows by a member. */
function isPlainFunction(value: unknown, member: 'check' | 'resolve'): value is Exec {
  return typeof value === 'function' && !(member in value);
}

/** As xstate makes them. */
interface BuiltinAction {
  readonly type?: unknown;
  readonly assignment?: unknown;
  readonly event?: unknown;
  readonly delay?: unknown;
  readonly id?: unknown;
  readonly sendId?: unknown;
}

function stepOf({ implementations }: AnyStateMachine, action: unknown): Step | undefined {
  if (typeof action !== 'string' && typeof action !== 'function') return undefined; // it has parameters
  const found: unknown = typeof action === 'string' ? implementations.actions[action] : action;
  const type = typeof action === 'string' ? action : action.name || '(anonymous)';
  if (found === undefined || isPlainFunction(found, 'resolve')) return { kind: 'run', type, exec: found };
  const { type: builtin, assignment, event, delay, id, sendId } = found as BuiltinAction;
  if (builtin === 'xstate.assign' && typeof assignment === 'object' && assignment !== null) {
    const members = Object.entries(assignment).map(
      ([name, value]) => [name, typeof value === 'function' ? (value as Assigner) : () => value] as const,
    );
    return { kind: 'assign', members };
  }
  if (builtin === 'xstate.cancel' && typeof sendId === 'string') return { kind: 'cancel', id: sendId };
  const isTimer = builtin === 'xstate.raise' && typeof event === 'object' && typeof id === 'string';
  const known: unknown = typeof delay === 'string' ? implementations.delays[delay] : delay;
  if (!isTimer || known === undefined) return undefined;
  const ms = typeof known === 'function' ? (known as (args: Args) => number) : () => known as number;
  return { kind: 'schedule', id, event: event as EventObject, delay: ms };
}
