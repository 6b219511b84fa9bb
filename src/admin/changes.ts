/** What can be changed: a session is ended or parked, the supervisor drains. Each is one line in the log. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { END_REASONS, type EndReason, type SessionSupervisor } from '../index.ts';
import { type Audit, type Change, peerOf } from './audit.ts';
import { type RefusalName, refuse, sendJson } from './refusals.ts';

/** The request that asks for a change, and where its answer goes. */
export interface Asked {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export interface ChangesOptions {
  readonly supervisor: Pick<SessionSupervisor, 'terminate' | 'park'>;
  readonly audit: Audit;
  readonly allowed: boolean;
  readonly drain: () => unknown;
}

const PARKED = {
  parked: undefined,
  busy: 'sessionBusy',
  noStore: 'noStore',
  notFound: 'sessionNotFound',
} as const satisfies Record<string, RefusalName | undefined>;

export class Changes {
  readonly #options: ChangesOptions;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** Ends a session, for one of the reasons that there are. */
  async end(asked: Asked, sessionId: string, given: string | null): Promise<void> {
    const reason = END_REASONS.find((name) => name === (given ?? 'terminated'));
    if (reason === undefined) return refuse(asked.res, 'badReason', `reason must be one of ${END_REASONS.join(', ')}`);
    await this.#do(asked, { action: 'session.end', sessionId, reason }, () => this.#end(sessionId, reason));
  }

  async park(asked: Asked, sessionId: string): Promise<void> {
    await this.#do(asked, { action: 'session.park', sessionId }, async () => {
      const outcome = await this.#options.supervisor.park(sessionId);
      return { outcome, refusal: PARKED[outcome] };
    });
  }

  /** Is answered when it begins: who waits for its end watches the process. */
  async drain(asked: Asked): Promise<void> {
    const { audit, drain } = this.#options;
    await this.#do(asked, { action: 'supervisor.drain' }, async () => {
      void (async () => drain())().catch((error: unknown) =>
        audit.failed('The drain that was asked for failed', error),
      );
      return { outcome: 'draining', refusal: undefined };
    });
  }

  async #end(sessionId: string, reason: EndReason): Promise<Done> {
    const ended = await this.#options.supervisor.terminate(sessionId, reason);
    return ended ? { outcome: 'ended', refusal: undefined } : { outcome: 'notFound', refusal: 'sessionNotFound' };
  }

  async #do({ req, res }: Asked, change: Omit<Change, 'outcome'>, act: () => Promise<Done>): Promise<void> {
    const { audit, allowed } = this.#options;
    const peer = peerOf(req); // who may have left when it is done
    const tell = (outcome: string, error?: unknown) => audit.changed(peer, { ...change, outcome, error });
    if (!allowed) {
      tell('forbidden');
      return refuse(res, 'readOnly');
    }
    try {
      const { outcome, refusal } = await act();
      tell(outcome);
      if (refusal !== undefined) return refuse(res, refusal);
      sendJson(res, change.action === 'supervisor.drain' ? 202 : 200, { outcome });
    } catch (error) {
      tell('failed', error);
      refuse(res, 'failed');
    }
  }
}

interface Done {
  readonly outcome: string;
  readonly refusal: RefusalName | undefined;
}
