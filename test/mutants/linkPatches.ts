/** Named mutants of the links between nodes: each lets one of their promises go. */
import { type Patch, patch } from './patch.ts';

const answers = 'cluster/link/answers.js';
const link = 'cluster/link/link.js';
const linkReply = 'cluster/link/linkReply.js';
const linkRequest = 'cluster/link/linkRequest.js';
const outflow = 'cluster/link/outflow.js';
const peerLink = 'cluster/link/peerLink.js';
const sending = 'cluster/link/sending.js';
const servedLink = 'cluster/link/servedLink.js';

export const LINK_PATCHES: readonly Patch[] = [
  patch(outflow, 'sends on whatever was taken', 'this.#credit -= piece.length;', ''),
  patch(linkReply, 'hears of nothing that was taken', 'this.#body.grant(bytes);', ''),
  patch(
    sending,
    'says of nothing that it was taken',
    'this.#link?.say(FRAME.credit, this.#id, creditOf(this.#taken));',
    '',
  ),
  patch(sending, 'sends again what may have been delivered', 'if (!delivered && this.#reused', 'if (this.#reused'),
  patch(sending, 'sends again what was being answered', 'return this.#answer !== undefined ||', 'return'),
  patch(sending, 'gives up what was not delivered', '!delivered && this.#reused', '!delivered && false'),
  patch(
    sending,
    'tells nobody that nothing is wanted any more',
    'return; this.#link?.say(FRAME.reset, this.#id); this.#finish();',
    'return; this.#finish();',
  ),
  patch(
    sending,
    'takes an end for an answer',
    'if (this.#answer === undefined || this.#came < (this.#answer.length ?? 0)) return this.#break();',
    '',
  ),
  patch(sending, 'has any number at a peer', 'this.#peer.open >= this.#peer.limits.maxRequestsPerPeer', 'false'),
  patch(answers, 'believes any header', 'validateHeaderValue(name, value);', ''),
  patch(peerLink, 'stays on a link that closes', 'if (kind === FRAME.closing) return this.leave();', ''),
  patch(link, 'notices no silence', '++this.#silent > this.#maxSilence', 'false'),
  patch(link, 'says all there is in one message', 'this.#message.take(FULL)', 'this.#message.take(Infinity)'),
  patch(linkRequest, 'hands on what is not complete', "if (this.#size !== size) return 'aborted';", ''),
  patch(
    linkRequest,
    'cuts the link of a content that was given up',
    'if (this.#settled) return true;',
    'if (this.#settled) return false;',
  ),
  patch(servedLink, 'keeps who has not the secret', 'if (last && !this.#isProven) this.link.close();', ''),
  patch(servedLink, 'serves who has left', 'if (!request.reply.closed)', 'if (true)'),
];
