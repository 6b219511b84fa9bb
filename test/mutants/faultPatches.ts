/** The faults that were once found in the core, put back: each by the mechanism that took it away, kind by kind. */
import { type Patch, patch } from './patch.ts';

const supervisor = 'supervisor/supervisor.js';
const server = 'supervisor/serverInstance.js';
const tree = 'supervisor/sessionTree.js';
const transport = 'transport/sessionTransport.js';
const calls = 'transport/calls.js';
const streams = 'transport/sessionStreams.js';

const BOUNDS: readonly Patch[] = [
  patch(
    'supervisor/serverCount.js',
    'counts servers that are in use, not those that start and close',
    'return this.starting + this.open + this.closing >= this.#limit;',
    'return this.open >= this.#limit;',
  ),
  patch(
    calls,
    'lets any number of handlers run whose clients are gone',
    'this.#running.size + this.#stillCancelled + more <= MAX_RUNNING',
    'this.awaited + more <= MAX_RUNNING',
  ),
  patch(
    'http/readMessages.js',
    'takes in an initialize of any size',
    'if (!isTooLargeToKeep({ body, size }, options.maxInitializeSize)) return classified;',
    'return classified;',
  ),
  patch(
    'http/readMessages.js',
    'takes in an initialize of any number of values',
    'weight.values > MAX_INITIALIZE_VALUES || weight.memory > memory',
    'false',
  ),
];

const IDENTITY: readonly Patch[] = [
  patch(
    'http/principal.js',
    'lets in whose identity was not understood, as nobody',
    'tell(supervisor, error); return NO_PRINCIPAL;',
    'tell(supervisor, error); return undefined;',
  ),
];

const EXITS: readonly Patch[] = [
  patch(
    tree,
    'an observer of the actors ends what it watches',
    'guardInspection(this.root.system, observerFailed);',
    '',
  ),
  patch(
    tree,
    'the inspect option ends what it watches',
    'inspect: guardedObserver(inspect, observerFailed)',
    'inspect: (event) => inspect.next?.(event)',
  ),
  patch(
    tree,
    'an error of who subscribed to a session’s actor is thrown where nobody catches it',
    'Object.setPrototypeOf(actor, this.#guarded); if (this.#xstate',
    'if (this.#xstate',
  ),
  patch(tree, 'a root that is stopped leaves its sessions', 'Object.assign(this.root, { stop });', ''),
  patch(
    tree,
    'a partition that failed keeps its sessions',
    'error: (error) => this.#giveUp(partition, error),',
    'error: () => {},',
  ),
  patch(
    'supervisor/callback.js',
    'a callback that rejects ends the process',
    'watch(callback(), failed);',
    'callback();',
  ),
  patch(
    'supervisor/principal.js',
    'a principal option that rejects ends the process',
    'Promise.resolve(value).catch(() => { });',
    '',
  ),
  patch(
    server,
    'closes a server that is being connected',
    'if (this.#starting !== undefined) await this.#starting.catch(() => { });',
    '',
  ),
  patch(
    server,
    'does not wait for a server to close',
    'if (this.#server !== undefined) await finished;',
    'void finished;',
  ),
];

const REENTRANCY: readonly Patch[] = [
  patch(
    'supervisor/outbox.js',
    'tells within the transition',
    'push(tell) { this.#queue.push(tell);',
    'push(tell) { return tell(); this.#queue.push(tell);',
  ),
  patch(
    supervisor,
    'admits a session though a drain began meanwhile',
    "if (refusal !== undefined) return refusal; if (!this.accepting) return 'draining';",
    'if (refusal !== undefined) return refusal;',
  ),
  patch(
    streams,
    'holds a call once for each of its connections',
    'const held = --answer.connections > 0 || connected;',
    'const held = connected;',
  ),
];

const NEIGHBOURS: readonly Patch[] = [
  patch(server, 'gives a session the server of another', 'take(server); this.#server', 'this.#server'),
];

const NAMES: readonly Patch[] = [
  patch(
    calls,
    'two calls have one id at their server',
    'const alias = this.#running.has(id) || this.#cancelled?.has(id) ? this.#newAlias() : id;',
    'const alias = id;',
  ),
  patch(
    calls,
    'a call whose client comes back late is waited for by nobody',
    'if (call.awaited || this.#running.get(call.alias) !== call) return;',
    'return;',
  ),
  patch(
    calls,
    'an id is taken for as long as its handler runs',
    'return call?.awaited === true && call.answer.connected;',
    'return call !== undefined;',
  ),
  patch(
    transport,
    'a cancellation goes by the id that the client gave',
    'call?.alias === call?.id ? message : withParams(message, { requestId: call?.alias })',
    'message',
  ),
  patch(
    transport,
    'a call whose id is used again goes on waiting for its client',
    'for (const id of ids) this.#endWaiting(id);',
    '',
  ),
];

const WAITING: readonly Patch[] = [
  patch(streams, 'whoever resumes an answer hears nothing of the end of its session', 'else this.#keep(stream);', ''),
  patch(streams, 'a call whose client is gone is waited for', 'answer.abandon(); hold.release();', 'hold.release();'),
  patch(
    'http/webExchange.js',
    'the reader of a request that was aborted hangs',
    'void Promise.resolve().then(() => this.#controller?.error(signal.reason));',
    '',
  ),
];

const STREAMS: readonly Patch[] = [
  patch(
    'transport/getStreams.js',
    'a message is lost for whom it could wait',
    'this.#streams.findLast(mayBeResumed) ??',
    '',
  ),
];

export const FAULT_PATCHES: readonly Patch[] = [
  ...BOUNDS,
  ...IDENTITY,
  ...EXITS,
  ...REENTRANCY,
  ...NEIGHBOURS,
  ...NAMES,
  ...WAITING,
  ...STREAMS,
];
