/**
 * The three questions that are asked about a process: whether it is worth keeping, whether requests should be sent to it,
 * and whether it has ever been so far. The answer is one word; why, only who has the token is told.
 */
import type { Readiness, SessionSupervisor } from '../index.ts';
import { LoopLag } from './loopLag.ts';

export type Question = '/livez' | '/readyz' | '/startupz';

export interface Verdict {
  readonly ok: boolean;
  /** What it comes from. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export function isQuestion(path: string): path is Question {
  return path === '/livez' || path === '/readyz' || path === '/startupz';
}

export class Health {
  readonly #supervisor: Pick<SessionSupervisor, 'readiness'>;
  readonly #maxLoopLag: number;
  readonly #lag: Pick<LoopLag, 'worst' | 'close'>;
  #hasStarted = false;

  constructor(
    supervisor: Pick<SessionSupervisor, 'readiness'>,
    maxLoopLag: number,
    lag: Pick<LoopLag, 'worst' | 'close'> = new LoopLag(),
  ) {
    this.#supervisor = supervisor;
    this.#maxLoopLag = maxLoopLag;
    this.#lag = lag;
  }

  async ask(question: Question): Promise<Verdict> {
    if (question === '/livez') return this.#live();
    if (question === '/startupz' && this.#hasStarted) return { ok: true, detail: { started: true } };
    const readiness = await this.#ready();
    if (question === '/readyz') return { ok: readiness.ready, detail: { ...readiness } };
    return { ok: this.#hasStarted, detail: { started: this.#hasStarted, reasons: readiness.reasons } };
  }

  close(): void {
    this.#lag.close();
  }

  #live(): Verdict {
    const loopLag = Math.round(this.#lag.worst);
    const live = loopLag <= this.#maxLoopLag;
    return { ok: live, detail: { live, loopLag, maxLoopLag: this.#maxLoopLag } };
  }

  /** It has started once nothing was missing for the first time, and from then on for ever; who drains had started. */
  async #ready(): Promise<Readiness> {
    const readiness = await this.#supervisor.readiness();
    this.#hasStarted ||= readiness.reasons.every((reason) => reason === 'draining');
    return readiness;
  }
}
