/** What one node asks another by itself, without a client that waits for it: to end a session, or how it is. */
import type { EndReason } from '../machines/reasons.ts';
import type { SessionInfo } from '../supervisor/sessionInfo.ts';
import type { Envelope } from './envelope.ts';
import { DEFAULT_LIMITS, type ForwardParts } from './forward.ts';
import { parseVerdict, type Verdict } from './verdicts.ts';

/** How long a peer may take to end a session, and to say how one is, in ms. */
const TERMINATE_TIMEOUT = 10_000;
const LOOK_TIMEOUT = 2_000;

/** How much is read of what a peer says, in bytes: far more than it says of a session. */
const MAX_ANSWER = 1024 * 1024;

interface Answer {
  /** Undefined where nobody knows what the peer did, if anything. */
  readonly verdict: Verdict | undefined;
  readonly text: string;
}

const NOTHING: Answer = { verdict: undefined, text: '' };

/**
 * Has another node end a session. `unreached`: nobody knows; to ask again does no harm. `moved`: the session is not there.
 * Never rejects.
 */
export async function sendTerminate(
  parts: ForwardParts,
  sessionId: string,
  reason: EndReason,
): Promise<'terminated' | 'gone' | 'moved' | 'unreached'> {
  const { verdict } = await ask(parts, { kind: 'terminate', sessionId, reason }, TERMINATE_TIMEOUT);
  return verdict === 'terminated' || verdict === 'gone' || verdict === 'moved' ? verdict : 'unreached';
}

/** Asks another node how a session is that lives there; undefined where it does not say. Never rejects. */
export async function sendLook(parts: ForwardParts, sessionId: string): Promise<SessionInfo | 'moved' | undefined> {
  const { verdict, text } = await ask(parts, { kind: 'look', sessionId }, LOOK_TIMEOUT);
  if (verdict !== 'found') return verdict === 'moved' ? verdict : undefined;
  try {
    return JSON.parse(text) as SessionInfo;
  } catch {
    return undefined;
  }
}

function ask(
  { network, envelopes, life, from, limits = DEFAULT_LIMITS }: ForwardParts,
  question: Pick<Envelope, 'kind' | 'sessionId' | 'reason'>,
  within: number,
): Promise<Answer> {
  return new Promise((resolve) => {
    const { clock } = limits;
    let proof = '';
    let verdict: Verdict | undefined;
    const chunks: Uint8Array[] = [];
    let size = 0;
    const settle = (answer: Answer) => {
      clock.clearTimeout(timer);
      resolve(answer);
    };
    const giveUp = () => {
      exchange.destroy();
      settle(NOTHING);
    };
    const said = { method: 'DELETE', url: 'http://localhost/', headers: {}, authInfo: undefined, principal: null };
    const envelope: Envelope = { ...question, from, to: life.id, ...said };
    const exchange = network.send(life.url, {
      seal: () => {
        const sealed = envelopes.seal(envelope, undefined);
        proof = sealed.proof;
        return sealed;
      },
      head: ({ peer }) => {
        verdict = parseVerdict(peer, proof)?.verdict;
        if (verdict === undefined) giveUp(); // whoever that is may go on for ever
      },
      data: (chunk) => {
        size += chunk.length;
        if (size > MAX_ANSWER) return giveUp();
        chunks.push(chunk);
      },
      end: () => settle({ verdict, text: Buffer.concat(chunks).toString() }),
      failed: () => settle(NOTHING),
    });
    const timer = clock.setTimeout(giveUp, within);
  });
}
