/** Mutants of what makes sessions outlive their servers: each loses something, brings something back, or tells too early. */
import { type Patch, patch } from './patch.ts';

const records = 'supervisor/records.js';
const transport = 'transport/sessionTransport.js';

export const DURABLE_PATCHES: readonly Patch[] = [
  patch(
    records,
    'a parked session is anybody’s',
    "typeof record !== 'string' && record.principal === (principal ?? null)",
    "typeof record !== 'string'",
  ),
  patch(
    records,
    'nobody waits while the end of a session is being written',
    "async read(id) { if (!(await this.#quiet(id))) return 'storeUnavailable'; if (this.#failedRemovals.has(id)) return 'sessionNotFound';",
    'async read(id) {',
  ),
  patch(
    transport,
    'an answer does not wait for what was set before it',
    'const stored = memory.stored(); if (stored === undefined) return this.#answer(call, message);',
    'const stored = memory.stored(); if (stored === undefined || true) return this.#answer(call, message);',
  ),
  patch(
    transport,
    'a notification is accepted before it is stored',
    'const stored = this.#events.memory?.stored();',
    'const stored = undefined;',
  ),
  patch(transport, 'initialized is not remembered', 'if (isInitialized(heard))', 'if (false)'),
  patch(
    'supervisor/supervisor.js',
    'a drain ends the sessions of a durable store',
    "this.shelf?.isDurable === true ? session.park() : session.terminate('drained')",
    "session.terminate('drained')",
  ),
  patch(
    'supervisor/restorer.js',
    'everybody who asks for a session brings it back',
    'const waking = this.#wakings.get(record.id) ?? this.#begin(record, info);',
    'const waking = this.#begin(record, info);',
  ),
  patch(
    'supervisor/expiry.js',
    'what is ended already ends again',
    'if (this.#host.livesHere(id) || this.#records.isEnding(id)) return; const loaded',
    'const loaded',
  ),
  patch(
    'supervisor/journal.js',
    'a write that is fenced counts as done',
    "if (outcome === 'updated' ||",
    "if (outcome === 'updated' || outcome === 'fenced' ||",
  ),
  patch(
    'supervisor/memory.js',
    'an active session is told to be idle',
    "(state === 'parked' ? last : now + ACTIVITY_INTERVAL)",
    "(state === 'parked' ? last : last - ACTIVITY_INTERVAL)",
  ),
];
