/** A session's black box as what passes between client, session and server, step by step; and that as Mermaid. */
import type { HistoryLine, SessionFrame } from '../../src/inspector/protocol.ts';
import { clockTime } from './wording.ts';

export type Lane = 'client' | 'session' | 'server';

export interface Step {
  readonly at: number;
  readonly event: HistoryLine['event'];
  /** What passes, if anything does. */
  readonly message?: { readonly from: Lane; readonly to: Lane; readonly text: string };
  /** What the session is from now on. */
  readonly note?: string;
  readonly inFlight: number;
}

/** The steps of a black box. An exchange reaches the server through the session, and so does its answer the client. */
export function stepsOf(history: readonly HistoryLine[]): Step[] {
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
      return { ...step, message: { from: 'client', to: 'server', text: 'initialize' }, note: event };
    if (event === 'child.started') return { ...step, note: `process ${generation ?? 1} started` };
    if (event === 'child.exited') return { ...step, note: `process ended: ${signal ?? `exit code ${code ?? 0}`}` };
    if (event === 'terminated') return { ...step, note: `ended: ${reason ?? 'terminated'}` };
    const begins = event === 'active' || event === 'request';
    const message: Step['message'] = begins
      ? { from: 'client', to: 'server', text: 'request' }
      : { from: 'server', to: 'client', text: 'response' };
    return event === 'active' || event === 'idle' ? { ...step, message, note: event } : { ...step, message };
  });
}

export function toMermaid({ key, history, omitted }: SessionFrame): string {
  const lines = ['sequenceDiagram', `  %% session ${key}`];
  for (const lane of ['client', 'session', 'server'] satisfies Lane[]) lines.push(`  participant ${lane}`);
  if (omitted > 0) lines.push(`  Note over client,server: ${omitted} older events left out`);
  for (const { at, message, note, inFlight } of stepsOf(history)) {
    if (message !== undefined) {
      const arrow = message.text === 'response' ? '-->>' : '->>';
      lines.push(`  ${message.from}${arrow}${message.to}: ${message.text} ${clockTime(at)} (${inFlight} in flight)`);
    }
    if (note !== undefined) lines.push(`  Note over session: ${note} ${clockTime(at)}`);
  }
  return `${lines.join('\n')}\n`;
}

export function toJson({ row, history, omitted }: SessionFrame): string {
  return `${JSON.stringify({ session: row, history, omitted }, undefined, 2)}\n`;
}
