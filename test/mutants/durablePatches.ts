/** Mutants of what makes sessions outlive their servers: each loses something, brings something back, or tells too early. */
import { type Patch, patch } from './patch.ts';

const records = 'supervisor/records.js';
const restorer = 'supervisor/restorer.js';
const journal = 'supervisor/journal.js';
const memory = 'supervisor/memory.js';
const transport = 'transport/sessionTransport.js';

export const DURABLE_PATCHES: readonly Patch[] = [
  patch(
    records,
    'a parked session is anybody’s',
    "typeof record !== 'string' && record.principal === (principal ?? null)",
    "typeof record !== 'string'",
  ),
  patch(
    transport,
    'an answer does not wait for what was set before it',
    'const stored = memory.stored(); if (stored === undefined) return this.#answer(call, message);',
    'const stored = memory.stored(); if (stored === undefined || true) return this.#answer(call, message);',
  ),
  patch(
    'transport/accept.js',
    'a notification is accepted before it is stored',
    'const stored = memory?.stored();',
    'const stored = undefined;',
  ),
  patch(transport, 'initialized is not remembered', 'if (isInitialized(heard))', 'if (false)'),
  patch(
    'supervisor/supervisor.js',
    'a drain ends the sessions of a durable store',
    "this.shelf?.isDurable === true ? session.park() : session.terminate('drained')",
    "session.terminate('drained')",
  ),
  patch(records, 'nobody waits while an end is written', 'this.#closing.set(id, { id, principal, done });', ''),
  patch(
    restorer,
    'a session is brought back once for each who asks',
    'this.#wakings.get(record.id) ?? this.#begin(record, info)',
    'this.#begin(record, info)',
  ),
  patch(records, 'an end comes twice', 'if (!this.#told.has(record.id)) {', '{'),
  patch(
    journal,
    'a fenced write counts as done',
    "if (outcome === 'updated' ||",
    "if (outcome === 'updated' || outcome === 'fenced' ||",
  ),
  patch(
    memory,
    'a fenced end counts as done',
    "return outcome === 'removed' || outcome === 'gone' ? 'done' : outcome;",
    "return outcome === 'storeUnavailable' ? outcome : 'done';",
  ),
  patch(
    memory,
    'an active session is written down as idle',
    "(state === 'parked' ? last : now + ACTIVITY_INTERVAL)",
    "(state === 'active' || state === 'parked' ? lastActiveAt : now + ACTIVITY_INTERVAL)",
  ),
  patch(
    'supervisor/activity.js',
    'an active session is written down once',
    'if (session.isIdle) this.#sessions.delete(session);',
    'this.#sessions.delete(session);',
  ),
  patch(
    records,
    'who reads a record ends what is being brought back',
    'if (reason === undefined || this.#host.livesHere(id) ||',
    'if (reason === undefined ||',
  ),
  patch(
    memory,
    'an end is told again where the session has gone on elsewhere',
    "if (outcome === 'fenced') records.told(this.#session.id);",
    '',
  ),
  patch('supervisor/drain.js', 'a drain does not wait for the store', ', storeThrough(supervisor), left', ', left'),
  patch(
    'transport/sessionStreams.js',
    'what a restored server says before its client is back is lost',
    'return this.#backlog?.keep(message) ?? false;',
    'return false;',
  ),
];
