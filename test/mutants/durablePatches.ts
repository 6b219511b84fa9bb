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
];
