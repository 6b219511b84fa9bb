/** Named mutants of handles: each lets one of their promises go. */
import { type Patch, patch } from './patch.ts';

const handle = 'supervisor/handle.js';
const kind = 'supervisor/handleKind.js';
const handles = 'supervisor/handles.js';
const resource = 'supervisor/resource.js';
const context = 'supervisor/handleContext.js';

export const HANDLE_PATCHES: readonly Patch[] = [
  patch(
    handle,
    'one of two uses that ends lets go for both',
    "this.#send({ type: 'RESPONSE' }); const inFlight",
    "this.#send({ type: 'RESPONSE' }); this.#send({ type: 'RESPONSE' }); const inFlight",
  ),
  patch(handle, 'a use that is over still holds it', 'finally { this.#release(use); }', 'finally { }'),
  patch(handle, 'is closed under a use', 'if (this.#uses.size > 0 && !this.#hurried) {', 'if (false) {'),
  patch(
    handle,
    'a use is told of the end only when it is too late',
    "if (reason !== 'lifetime') this.#abortUses();",
    '',
  ),
  patch(handle, 'a use is left no time at the end of a lifetime', "if (reason !== 'lifetime')", 'if (true)'),
  patch(handle, 'a create of what has ended is never answered', 'this.#refuse?.(this.#host.notOpened(reason));', ''),
  patch(
    handle,
    'a use gets in that a listener has kept out',
    'if (!this.#isActive) { // It has ended, by what',
    'if (false) { // It has ended, by what',
  ),
  patch(handle, 'is never closed', 'await this.#resource.close(', 'await (async () => {})('),
  patch(kind, 'answers whoever has the id', 'handle.principal !== principal || ', ''),
  patch(kind, 'what is being closed does not count for its principal', ' + (this.#closing.get(principal) ?? 0)', ''),
  patch(kind, 'cap of a principal off by one', '>= this.options.maxPerPrincipal', '> this.options.maxPerPrincipal'),
  patch(kind, 'is found after its end', 'this.#registry.forget(handle);', ''),
  patch(kind, 'what was closed counts for ever', 'this.#closingCount--; const left', 'return; const left'),
  patch(
    resource,
    'what was opened too late is not closed',
    'if (this.#opening !== undefined) await this.#opening.catch(() => { });',
    '',
  ),
  patch(resource, 'the signal of an open is not aborted', 'this.#controller?.abort();', ''),
  patch(handles, 'a drain keeps what nobody uses', "if (handle.state !== 'active') handle.terminate('drained');", ''),
  patch(
    handles,
    'a drain keeps what nobody uses any more',
    "if (this.#alone) this.outbox.push(() => handle.terminate('drained'));",
    '',
  ),
  patch(handles, 'a drain never ends what is used', "handle.hurry(); handle.terminate('drained');", 'handle.hurry();'),
  patch(
    'supervisor/supervisor.js',
    'a drain waits for no handle',
    'if (this.handles?.empty !== false) this.#onEmpty();',
    'this.#onEmpty();',
  ),
  patch(
    context,
    'who leaves out the request is nobody',
    'if (request === undefined) throw notTold();',
    'if (request === undefined) return undefined;',
  ),
  patch(context, 'who leaves out authInfo is nobody', "&& 'authInfo' in context", ''),
];
