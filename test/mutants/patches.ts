/**
 * Named mutants of the supervisor, the transport and the way of a request: each a small change of the built code that
 * makes a known mistake. A patch that no longer fits is an error: it has to be written anew, not forgotten.
 */
import { CLUSTER_PATCHES } from './clusterPatches.ts';
import { DURABLE_PATCHES } from './durablePatches.ts';
import { FAULT_PATCHES } from './faultPatches.ts';
import { HANDLE_PATCHES } from './handlePatches.ts';
import { MODERN_PATCHES } from './modernPatches.ts';
import { type Patch, patch } from './patch.ts';
import { STDIO_PATCHES } from './stdioPatches.ts';

const session = 'supervisor/session.js';
const incarnation = 'supervisor/incarnation.js';
const supervisor = 'supervisor/supervisor.js';
const registry = 'supervisor/registry.js';
const queue = 'supervisor/evictionQueue.js';
const tree = 'supervisor/sessionTree.js';
const scheduler = 'supervisor/scheduler.js';
const server = 'supervisor/serverInstance.js';
const transport = 'transport/sessionTransport.js';
const answer = 'transport/answer.js';
const hold = 'transport/hold.js';
const inSession = 'http/inSession.js';
const errors = 'errors.js';

export const PATCHES: readonly Patch[] = [
  patch(
    'machines/session.js',
    'an idle timer in active',
    "active: { entry: 'announceActive',",
    "active: { after: { sessionIdleTimeout: { target: 'terminated', actions: { type: 'endWith', params: { reason: 'idle' } } } }, entry: 'announceActive',",
  ),
  patch(
    session,
    'forgets late: the session is found until its server is closed',
    'this.#host.forget(this, before); this.#departure?.left(); this.#host.outbox.push(() => void this.#tearDown(how));',
    'this.#departure?.left(); this.#host.outbox.push(() => void this.#tearDown(how).then(() => this.#host.forget(this, before)));',
  ),
  patch(transport, 'double close: a server is told twice of its end', 'if (this.#closed) return;', ''),
  patch(
    session,
    'ends without tearing down',
    'const end = () => this.incarnation.end(how, this.error);',
    'const end = async () => {};',
  ),
  patch(incarnation, 'leaves the calls of an ended session unanswered', 'this.transport.shut(', '(() => {})('),
  patch(incarnation, 'leaves the server of an ended session open', 'this.#server.close(parks), ', ''),
  patch(
    incarnation,
    'leaves the initialize of an ended session unanswered',
    'refuse(opening.exchange, refusal, opening.id, causeOf(error));',
    '',
  ),
  patch(
    incarnation,
    'cuts the calls of a session at the end of its lifetime',
    "if (reason === 'lifetime' && !this.#hurried && this.transport.awaitedCalls > 0) {",
    'if (false) {',
  ),
  patch(
    session,
    'an exchange that ends does not say so',
    "this.#send({ type: 'RESPONSE' }); const inFlight",
    'const inFlight',
  ),
  patch(session, 'an exchange that begins does not say so', "this.#send({ type: 'REQUEST' });", ''),
  patch(
    incarnation,
    'keeps a session whose initialize was refused',
    "refused() { this.#opening = undefined; this.#end('closed'); }",
    'refused() { this.#opening = undefined; }',
  ),
  patch(
    incarnation,
    'keeps a session whose client left before it was opened',
    "if (this.#opening !== undefined) this.#end('closed'); // nobody",
    '// nobody',
  ),
  patch(supervisor, 'answers whoever has the id', 'session?.principal === principal && ', ''),
  patch(
    supervisor,
    'admits sessions while draining',
    "admit(opening) { if (!this.accepting) return 'draining';",
    'admit(opening) {',
  ),
  patch(
    supervisor,
    'a drain waits for a call whose client is gone',
    'this.#endAll(({ transport }) => transport.awaitedCalls === 0, paceOf(this))',
    "this.#endAll(({ state }) => state === 'idle', paceOf(this))",
  ),
  patch(
    supervisor,
    'a drain does not end a session whose last call was answered',
    'quiet(session) { if (!this.accepting) void this.#putAway(session); }',
    'quiet() {}',
  ),
  patch(
    supervisor,
    'a drain does not wait for servers to close',
    'this.registry.size === 0 && this.#ending.size === 0 && this.stateless.empty',
    'this.registry.size === 0 && this.stateless.empty',
  ),
  patch(supervisor, 'does not mark a session as busy', 'this.registry.markBusy(session);', ''),
  patch(
    supervisor,
    'does not mark a session as idle',
    "if (type === 'session.idle' && session.isSpare) this.registry.markIdle(session);",
    '',
  ),
  patch(
    registry,
    'cap off by one',
    'if (this.#seats.size >= this.#limits.maxSessions)',
    'if (this.#seats.size > this.#limits.maxSessions)',
  ),
  patch(
    registry,
    'cap off by one, the other way',
    'if (this.#seats.size >= this.#limits.maxSessions)',
    'if (this.#seats.size + 1 >= this.#limits.maxSessions)',
  ),
  patch(
    registry,
    'cap of a principal off by one',
    '>= this.#limits.maxSessionsPerPrincipal',
    '> this.#limits.maxSessionsPerPrincipal',
  ),
  patch(
    registry,
    'evicts though it should refuse',
    "this.#limits.whenFull === 'evict-idle' ? this.#queue.next() : undefined",
    'this.#queue.next()',
  ),
  patch(
    registry,
    'refuses though it should evict',
    "whenFull === 'evict-idle' ? this.#queue.next() : undefined",
    'undefined',
  ),
  patch(registry, 'forgets the session, not its place', 'this.#queue.leave(seat);', ''),
  patch(
    registry,
    'a used session counts as unused',
    'this.#queue.idle(seat, !session.used);',
    'this.#queue.idle(seat, true);',
  ),
  patch(queue, 'a principal that left still counts', 'principal.count--;', ''),
  patch(queue, 'evicts from the principal with the fewest', 'return a.count > b.count;', 'return a.count < b.count;'),
  patch(
    queue,
    'evicts used sessions before unused ones',
    'return principal.unused.first ?? principal.used.first;',
    'return principal.used.first ?? principal.unused.first;',
  ),
  patch(
    queue,
    'evicts the shortest idle',
    'return principal.unused.first ?? principal.used.first;',
    'return principal.unused.last ?? principal.used.last;',
  ),
  patch(tree, 'never frees a slot', 'if (partition.freeSlots.push(slot) === 1) this.#open.push(partition);', ''),
  patch(scheduler, 'cancels no timer', 'if (entry !== undefined) clock.clearTimeout(entry.handle);', ''),
  patch(
    scheduler,
    'leaves the timers of a stopped actor',
    'for (let entry = all.get(actor)?.first; entry !== undefined; entry = entry.next) clock.clearTimeout(entry.handle);',
    '',
  ),
  patch(server, 'does not clean up', '() => cleanup(this.#id, { parked: this.#parks })', '() => {}'),
  patch(server, 'does not abort the signal', 'this.#controller?.abort();', ''),
  patch(transport, 'a cancelled call keeps its client waiting', 'call.answer.cancel(call.id);', ''),
  patch(
    transport,
    'counts a call that was answered as pending',
    'this.#calls?.delete(call); this.load.calls--; try {',
    'try {',
  ),
  patch(
    transport,
    'leaves the GET stream of an ended session open',
    'this.#asked?.endAll({ outcome }); this.closeStandalone();',
    'this.#asked?.endAll({ outcome });',
  ),
  patch(
    answer,
    'answers a call twice',
    'this.#stream.finish(response);',
    'this.#stream.send(response); this.#stream.finish(response);',
  ),
  patch(answer, 'does not end the stream of a call', 'this.#stream.finish(response);', 'this.#stream.send(response);'),
  patch(hold, 'never releases a hold', 'this.#release = undefined; release?.();', 'this.#release = undefined;'),
  patch(inSession, 'DELETE does not end the session', "void session.terminate('deleted');", ''),
  patch(
    inSession,
    'takes new requests while draining',
    "if (!supervisor.accepting && !finishesCalls(messages)) return 'draining';",
    '',
  ),
  patch(
    inSession,
    'lets two requests have one id',
    "if (hasDuplicateId(messages, inFlight)) return 'duplicateRequestId';",
    '',
  ),
  patch(errors, '404 becomes 400', 'sessionNotFound: { status: 404', 'sessionNotFound: { status: 400'),
  patch(errors, '503 becomes 500', 'full: { status: 503', 'full: { status: 500'),
  ...FAULT_PATCHES,
  ...HANDLE_PATCHES,
  ...DURABLE_PATCHES,
  ...MODERN_PATCHES,
  ...STDIO_PATCHES,
  ...CLUSTER_PATCHES,
];
