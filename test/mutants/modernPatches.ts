/** Mutants of requests without sessions: each lets one of their promises go. */
import { type Patch, patch } from './patch.ts';

const requests = 'modern/modernRequests.js';
const call = 'modern/modernCall.js';
const listening = 'modern/listening.js';
const writer = 'modern/responseWriter.js';
const http = 'http/modern.js';

export const MODERN_PATCHES: readonly Patch[] = [
  patch(
    requests,
    'one more at a time than there may be',
    'this.#open.size >= maxModernRequests',
    'this.#open.size > maxModernRequests',
  ),
  patch(
    requests,
    'one more of a principal than it may have',
    'own >= maxModernRequestsPerPrincipal',
    'own > maxModernRequestsPerPrincipal',
  ),
  patch(requests, 'one that is over keeps its place', 'this.#open.delete(call);', ''),
  patch(requests, 'one that is over still counts for its principal', 'this.#leave(principal);', ''),
  patch(
    requests,
    'a drain does not wait for servers to close',
    'this.#open.size === 0 && this.#closing === 0',
    'this.#open.size === 0',
  ),
  patch(
    requests,
    'a drain leaves listen streams open',
    "for (const stream of this.#listening) stream.finish('drained');",
    '',
  ),
  patch(requests, 'a drain never cuts a call', 'for (const call of this.#open) call.cutShort();', ''),
  patch(requests, 'a listen stream is listed after its end', 'this.#listening.delete(ended)', 'ended'),
  patch(requests, 'nobody hears of what is published', 'this.#notices.publish(event);', ''),
  patch(call, 'an exchange that closes ends nothing', 'this.#exchange.onClose(() => this.#end());', ''),
  patch(call, 'what was counted counts for ever', 'if (this.#counted) this.#host.load.calls--;', ''),
  patch(call, 'a call is not counted', 'this.#host.load.calls++;', ''),
  patch(call, 'a server is never closed', 'this.#closing ??= this.#server?.close() ?? CLOSED;', ''),
  patch(
    call,
    'a factory may take for ever',
    "this.#timer = clock.setTimeout(() => this.#giveUp('initializeTimeout'), initializeTimeout);",
    '',
  ),
  patch(
    call,
    'the timer of a factory goes on',
    'connected() { this.#host.options.clock.clearTimeout(this.#timer); }',
    'connected() {}',
  ),
  patch(call, 'a listen stream does not notice that its client has left', 'this.#listening?.left();', ''),
  patch(call, 'a drain that cuts leaves the client unanswered', "this.#writer.breakOff('draining');", ''),
  patch(listening, 'ends without its result', 'finish: () => void this.handler.close(),', ''),
  patch(listening, 'is not cut when nobody reads its end', 'cut: () => exchange.destroy(),', ''),
  patch(writer, 'a stream that has ended is counted', 'load.streams--;', ''),
  patch(writer, 'a stream is not counted', 'this.#host.load.streams++;', ''),
  patch(
    writer,
    'the timer of a late answer goes on',
    'this.#host.options.clock.clearTimeout(this.#timer); const type',
    'const type',
  ),
  patch(writer, 'a listen stream is never acknowledged to its machine', 'listening?.acknowledged();', ''),
  patch(writer, 'a slow reader is let be', 'listening?.overflowed();', ''),
  patch(
    writer,
    'a stream stays open after its answer',
    'listening?.completed(); connection.end();',
    'listening?.completed();',
  ),
  patch(
    http,
    'is let in while draining',
    "if (!supervisor.accepting) return void refuse(exchange, 'draining'); const place",
    'const place',
  ),
  patch(
    'http/dispatch.js',
    'an id makes a session of what has none',
    "if (exchange.method === 'POST') return postModern",
    "if (exchange.method === 'POST' && exchange.headers['mcp-session-id'] === undefined) return postModern",
  ),
];
