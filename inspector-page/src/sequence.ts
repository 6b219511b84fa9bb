/** A session's black box as what passes between client, session and server, step by step; and that as Mermaid. */
import type { HistoryLine, OperationLine, SessionFrame } from '../../src/inspector/protocol.ts';
import { interleave } from './interleave.ts';
import { clockTime, duration } from './wording.ts';

export type Lane = 'client' | 'session' | 'server';

export interface Step {
  readonly at: number;
  readonly event: HistoryLine['event'] | 'operation';
  /** What passes, if anything does. */
  readonly message?: Message;
  /** What the session is from now on. */
  readonly note?: string;
  /** Undefined of what ran. */
  readonly inFlight?: number;
}

export interface Message {
  readonly from: Lane;
  readonly to: Lane;
  readonly kind: 'request' | 'response' | 'initialize' | 'operation';
  readonly text: string;
  /** It ended otherwise than by an answer. */
  readonly failed?: boolean;
}

export type BlackBox = Pick<SessionFrame, 'history' | 'operations'>;

/**
 * The steps of a black box. An exchange reaches the server through the session, and so does its answer the client; what ran
 * stands where it began, between session and whom it was asked of. Only the initialize that opened it is one step with that.
 */
export function stepsOf({ history, operations }: BlackBox): Step[] {
  const opening = operations.find(({ method, outcome }) => method === 'initialize' && outcome === 'answered');
  let isDrawn = false;
  const life = stepsOfLife(history).map((step): Step => {
    if (opening === undefined || step.event !== 'opened' || step.message === undefined) return step;
    isDrawn = true;
    return { ...step, message: { ...step.message, text: textOf(opening) } };
  });
  const others = operations.filter((operation) => !isDrawn || operation !== opening);
  return interleave(life, others.map(stepOfOperation));
}

function stepsOfLife(history: readonly HistoryLine[]): Step[] {
  /** Its restoration holds the session too, for a moment; what is held no more is then no exchange. */
  let restoring = false;
  return history.flatMap(({ at, event, inFlight, reason, generation, code, signal }, i) => {
    const step = { at, event, inFlight };
    const before = history.findLast(({ event: other }, n) => n < i && !other.startsWith('child.'))?.event;
    if (event === 'restored') restoring = inFlight > 0;
    if (restoring && (event === 'response' || event === 'idle')) {
      restoring = false;
      return event === 'idle' ? { ...step, note: event } : [];
    }
    // Once its initialize is answered with a result, or it is restored, a session is active; nothing passes meanwhile.
    if (event === 'active' && (before === 'opened' || before === 'restored')) return { ...step, note: event };
    if (event === 'parked' || event === 'restored') return { ...step, note: event };
    if (event === 'opened')
      return {
        ...step,
        message: { from: 'client', to: 'server', kind: 'initialize', text: 'initialize' },
        note: event,
      };
    if (event === 'child.started') return { ...step, note: `process ${generation ?? 1} started` };
    if (event === 'child.exited') return { ...step, note: `process ended: ${signal ?? `exit code ${code ?? 0}`}` };
    if (event === 'terminated') return { ...step, note: `ended: ${reason ?? 'terminated'}` };
    const begins = event === 'active' || event === 'request';
    const message: Message = begins
      ? { from: 'client', to: 'server', kind: 'request', text: 'request' }
      : { from: 'server', to: 'client', kind: 'response', text: 'response' };
    return event === 'active' || event === 'idle' ? { ...step, message, note: event } : { ...step, message };
  });
}

function stepOfOperation(operation: OperationLine): Step {
  const { at, side, outcome } = operation;
  const to = side === 'server' ? 'server' : 'client';
  const failed = outcome !== null && outcome !== 'answered';
  return {
    at,
    event: 'operation',
    message: { from: 'session', to, kind: 'operation', text: textOf(operation), failed },
  };
}

/** What ran, for how long, and how it ended where that was not by an answer. */
function textOf({ method, target, duration: took, outcome }: OperationLine): string {
  const what = target === undefined ? method : `${method} ${target}`;
  const how = outcome === null || outcome === 'answered' ? '' : `, ${outcome}`;
  return took === null ? `${what} · runs` : `${what} · ${lasted(took)}${how}`;
}

/** How long something took, as short as it can be said. */
function lasted(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : duration(ms);
}

export function toMermaid({ key, history, omitted, operations, operationsBefore }: SessionFrame): string {
  const lines = ['sequenceDiagram', `  %% session ${key}`];
  for (const lane of ['client', 'session', 'server'] satisfies Lane[]) lines.push(`  participant ${lane}`);
  if (omitted > 0) lines.push(`  Note over client,server: ${omitted} older events left out`);
  if (operationsBefore > 0) lines.push(`  Note over client,server: ${operationsBefore} older requests left out`);
  for (const { at, message, note, inFlight } of stepsOf({ history, operations })) {
    if (message !== undefined) {
      const arrow = message.kind === 'response' ? '-->>' : '->>';
      const held = inFlight === undefined ? '' : ` (${inFlight} in flight)`;
      lines.push(`  ${message.from}${arrow}${message.to}: ${literal(message.text)} ${clockTime(at)}${held}`);
    }
    if (note !== undefined) lines.push(`  Note over session: ${note} ${clockTime(at)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A text of a client's in a diagram: what would end the statement, or begin an entity or a tag, stands for itself. */
function literal(text: string): string {
  return text.replace(/[#;<>%]/g, (character) => `#${character.charCodeAt(0)};`);
}

export function toJson({ row, history, omitted, operations, operationsBefore }: SessionFrame): string {
  return `${JSON.stringify({ session: row, history, omitted, operations, operationsBefore }, undefined, 2)}\n`;
}
