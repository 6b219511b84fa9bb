/** The census by itself, over a supervisor that is made up. */
import { afterEach, expect, test, vi } from 'vitest';
import { Pseudonyms } from '../../src/door/pseudonym.ts';
import type { SessionInfo, SessionSupervisor } from '../../src/index.ts';
import { Census } from '../../src/inspector/census.ts';
import { Rows } from '../../src/inspector/rows.ts';
import { withTimeout } from '../support/until.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('takes in many sessions while an embedder has faked setImmediate', async () => {
  const SESSIONS = 2_500;
  const sessionOf = (n: number) => ({ id: `s${n}`, state: 'idle', inFlight: 0, openStreams: 0 }) as SessionInfo;
  const supervisor = {
    on: () => () => {},
    sessions: () => Array.from({ length: SESSIONS }, (_, n) => sessionOf(n)).values(),
  } as unknown as SessionSupervisor;
  const rows = new Rows(new Pseudonyms(), { revealIds: true, revealPrincipals: true, idleTimeout: () => null });
  const census = new Census(supervisor, rows);
  vi.useFakeTimers({ toFake: ['setImmediate', 'clearImmediate'] });
  await withTimeout(census.takeIn(), { what: 'all sessions to be looked at' });
  expect(census.size).toBe(SESSIONS);
  census.close();
});
