/**
 * Judges a history as Jepsen does: whatever the cluster went through, was what its clients saw allowed? It knows nothing of
 * how the cluster works, only what it promises. What may have been done is given both benefits: it may count, or not.
 */
import type { History, Operation, StoredKey } from './history.ts';

export type Promised =
  | 'lostIncrement'
  | 'phantomIncrement'
  | 'valueFell'
  | 'twoNodesInOneEpoch'
  | 'epochFell'
  | 'answeredAfterDelete'
  | 'forgotten'
  | 'notAnswered'
  | 'foreignMark'
  | 'unavailable'
  | 'strayKey'
  | 'keptForEver';

export interface Violation {
  readonly broken: Promised;
  readonly session: string | undefined;
  readonly what: string;
  /** What shows it, in the order in which it was asked. */
  readonly operations: readonly Operation[];
}

type Told = Operation & { readonly answer: NonNullable<Operation['answer']> };

/** All that a history shows to be broken. */
export function check(history: History): Violation[] {
  const violations = history.operations.flatMap((operation) => inTime(operation, history));
  for (const [session, operations] of bySession(history.operations)) {
    const report = (broken: Promised, what: string, ...shown: Operation[]) => {
      violations.push({ broken, session, what, operations: shown });
    };
    const told = operations.filter((each): each is Told => each.outcome === 'ok' && each.answer !== undefined);
    marks(told, session, report);
    counters(operations, told, report);
    epochs(told, report);
    ends(operations, history, report);
  }
  return violations;
}

function bySession(all: readonly Operation[]): Map<string, Operation[]> {
  const sessions = new Map<string, Operation[]>();
  for (const operation of all) {
    if (operation.session === undefined) continue;
    const operations = sessions.get(operation.session) ?? [];
    operations.push(operation);
    sessions.set(operation.session, operations);
  }
  return sessions;
}

type Report = (broken: Promised, what: string, ...shown: Operation[]) => void;

/** Every request is answered in bounded time; what a client waits for at a node that can't answer does not count. */
function inTime(operation: Operation, { outages, bound }: History): Violation[] {
  const { via, resumedVia, begin, end, session, outcome, isFinal } = operation;
  const violations: Violation[] = [];
  const add = (broken: Promised, what: string) => violations.push({ broken, session, what, operations: [operation] });
  const out = outages
    .filter(({ node }) => node === via || node === resumedVia)
    .reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0);
  const took = end - begin - out;
  const most = resumedVia === undefined ? bound : 2 * bound;
  if (took > most) add('notAnswered', `it took ${Math.round(took)} ms, of which ${most} are allowed`);
  else if (isFinal === true && outcome !== 'ok' && outcome !== 'gone') {
    add('unavailable', `all faults were over, and it was not answered: ${operation.detail ?? outcome}`);
  }
  return violations;
}

function marks(told: readonly Told[], session: string, report: Report): void {
  for (const operation of told) {
    const { answer, mark } = operation;
    if (answer.mark !== mark) report('foreignMark', `${mark} was answered with the mark ${answer.mark}`, operation);
    else if (answer.session !== session) report('foreignMark', `it was answered by ${answer.session}`, operation);
  }
}

/**
 * A counter that only grows has few histories: a value is at least what was acknowledged before it was asked for, at most
 * what may have been done until it was answered, never less than what somebody saw before, and given to one increment.
 */
function counters(operations: readonly Operation[], told: readonly Told[], report: Report): void {
  const increments = operations.filter(({ kind, outcome }) => kind === 'increment' && mayHaveBeenDone(outcome));
  const acknowledged = increments.filter(({ outcome }) => outcome === 'ok');
  const byValue = new Map<number, Operation>();
  for (const operation of told) {
    const { kind, answer, begin, end } = operation;
    const own = kind === 'increment' ? 1 : 0;
    const least = acknowledged.filter((other) => other.end < begin).length + own;
    if (answer.value < least) {
      report('lostIncrement', `${answer.value}, after ${least} acknowledged increments, its own included`, operation);
    }
    const most = increments.filter((other) => other.begin <= end).length;
    if (answer.value > most) report('phantomIncrement', `${answer.value}, with ${most} increments so far`, operation);
    if (own === 0) continue;
    const twin = byValue.get(answer.value);
    if (twin !== undefined) report('lostIncrement', `two increments made it ${answer.value}`, twin, operation);
    byValue.set(answer.value, operation);
  }
  fallen(told, ({ answer, kind }, before) => answer.value < before.answer.value + (kind === 'increment' ? 1 : 0), {
    most: ({ answer }) => answer.value,
    found: (before, after) =>
      report('valueFell', `${after.answer.value}, after ${before.answer.value} was seen`, before, after),
  });
}

function epochs(told: readonly Told[], report: Report): void {
  const byEpoch = new Map<number, Told>();
  for (const operation of told) {
    const { epoch, node } = operation.answer;
    const first = byEpoch.get(epoch) ?? operation;
    byEpoch.set(epoch, first);
    if (first.answer.node !== node) {
      report('twoNodesInOneEpoch', `${first.answer.node} and ${node} answered in epoch ${epoch}`, first, operation);
    }
  }
  fallen(told, ({ answer }, before) => answer.epoch < before.answer.epoch, {
    most: ({ answer }) => answer.epoch,
    found: (before, after) =>
      report('epochFell', `epoch ${after.answer.epoch}, after ${before.answer.epoch}`, before, after),
  });
}

/** Of all that had ended before an operation began, the one with the most is what it must not be below. */
function fallen(
  told: readonly Told[],
  isBelow: (after: Told, before: Told) => boolean,
  { most, found }: { most: (operation: Told) => number; found: (before: Told, after: Told) => void },
): void {
  const ended = told.toSorted((one, other) => one.end - other.end);
  let next = 0;
  let highest: Told | undefined;
  for (const after of told.toSorted((one, other) => one.begin - other.begin)) {
    for (let before = ended[next]; before !== undefined && before.end < after.begin; before = ended[++next]) {
      if (highest === undefined || most(before) > most(highest)) highest = before;
    }
    if (highest !== undefined && isBelow(after, highest)) found(highest, after);
  }
}

/** Nothing but 404 after a DELETE that was acknowledged; no 404 before one, unless the store has lost its data. */
function ends(operations: readonly Operation[], { losses }: History, report: Report): void {
  const deletes = operations.filter(({ kind, outcome }) => kind === 'delete' && outcome !== 'failed');
  const deleted = deletes.filter(({ outcome }) => outcome === 'ok').sort((one, other) => one.end - other.end)[0];
  const opened = operations.find(({ kind }) => kind === 'open');
  const lost = losses.find((at) => at >= (opened?.begin ?? Number.NEGATIVE_INFINITY)) ?? Number.POSITIVE_INFINITY;
  for (const operation of operations) {
    const { outcome, begin, end } = operation;
    if (outcome === 'ok' && deleted !== undefined && begin > deleted.end) {
      report('answeredAfterDelete', 'the session had been deleted, and that acknowledged', deleted, operation);
    }
    if (outcome !== 'gone' || end >= lost) continue;
    const mayBeDeleted = deletes.some((other) => other !== operation && other.begin <= end);
    if (!mayBeDeleted) report('forgotten', 'the session was there, and nobody had ended it', operation);
  }
}

function mayHaveBeenDone(outcome: Operation['outcome']): boolean {
  return outcome !== 'failed' && outcome !== 'gone';
}

/**
 * What is in the store at the end: no key for ever, none of a session that nobody opened, none without an owner that lives
 * or a deadline. `mayBe`: opens whose answers were lost may have made sessions that no client knows.
 */
export function checkStore(
  { operations }: History,
  keys: readonly StoredKey[],
  { lives, mayBe }: { readonly lives: readonly string[]; readonly mayBe: number },
): Violation[] {
  const known = new Set(operations.map(({ session }) => session));
  const strangers = new Set<string>();
  const violations: Violation[] = [];
  for (const { key, session, isTombstone, ttl, owner, hasDeadline } of keys) {
    const add = (broken: Promised, what: string) => violations.push({ broken, session, what, operations: [] });
    if (ttl === undefined) add('keptForEver', `${key} has no time to live`);
    if (session === undefined || isTombstone) continue;
    if (!known.has(session)) strangers.add(session);
    const isOwned = owner !== undefined && lives.includes(owner);
    if (!isOwned && !hasDeadline) add('strayKey', `${key} has neither an owner that lives nor a deadline`);
    if (deletedFor(operations, session)) add('strayKey', `${key} is of a session that was deleted`);
  }
  if (strangers.size > mayBe) {
    const what = `${strangers.size} sessions that no client knows, where ${mayBe} answers to opens were lost`;
    violations.push({ broken: 'strayKey', session: [...strangers][0], what, operations: [] });
  }
  return violations;
}

function deletedFor(operations: readonly Operation[], session: string): boolean {
  return operations.some((each) => each.session === session && each.kind === 'delete' && each.outcome === 'ok');
}

/** A violation as lines, with what its session's clients saw around it. */
export function told({ broken, session, what, operations }: Violation): string {
  const lines = operations.map(
    ({ kind, via, begin, end, outcome, answer, detail }) =>
      `  ${Math.round(begin)}–${Math.round(end)} ${kind} via ${via}: ${outcome} ${JSON.stringify(answer ?? detail ?? '')}`,
  );
  return [`${broken}: ${what} (session ${session ?? 'none'})`, ...lines].join('\n');
}
