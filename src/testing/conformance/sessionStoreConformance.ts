/** The contract of a session store as cases that any test runner can run. */
import type { SessionStore } from '../../index.ts';
import { CLOSING_CASES } from './closingCases.ts';
import { COUNT_CASES } from './countCases.ts';
import { DEADLINE_CASES } from './deadlineCases.ts';
import { EPOCH_CASES } from './epochCases.ts';
import { RECORD_CASES } from './recordCases.ts';
import { type SessionCases, SessionSubject } from './sessionSubject.ts';
import type { StoreCase } from './storeConformance.ts';

/** A session store, how to open it again, and what has to be done when its case is over. */
export interface OpenedSessionStore {
  readonly store: SessionStore;
  /** Opens what the store held, when that was closed, as another process would. Without it that is not tried. */
  reopen?(): SessionStore | Promise<SessionStore>;
  dispose?(): unknown;
}

/** Those of a store that counts by itself come last; one that does not need not keep them. */
const CASES: SessionCases = { ...RECORD_CASES, ...EPOCH_CASES, ...DEADLINE_CASES, ...CLOSING_CASES };

/**
 * The contract of a session store (`SessionStore`) as a list of cases, for any test runner. Each case opens a store of its
 * own, or one that already holds sessions of others, and removes its own. Nobody else may use the store meanwhile, which
 * two of the cases close.
 *
 * ```ts
 * import { test } from 'node:test';
 * import { sessionStoreConformance } from 'mcp-session-supervisor/testing';
 *
 * for (const { name, run } of sessionStoreConformance(() => new MySessionStore())) test(name, run);
 * ```
 * @param createStore Opens a store; may be async, and may return `{ store, reopen, dispose }`.
 */
export function sessionStoreConformance(
  createStore: () => SessionStore | OpenedSessionStore | Promise<SessionStore | OpenedSessionStore>,
): StoreCase[] {
  const runWith = async (run: SessionCases[string], onlyIfCounting: boolean) => {
    const created = await createStore();
    const opened: OpenedSessionStore = 'store' in created ? created : { store: created };
    const subject = new SessionSubject(opened.store, opened.reopen?.bind(opened));
    try {
      if (!onlyIfCounting || opened.store.counts) await run(subject);
    } finally {
      await subject.removeAll();
      await opened.dispose?.();
    }
  };
  const asCases = (cases: SessionCases, onlyIfCounting: boolean) =>
    Object.entries(cases).map(([name, run]) => ({ name, run: () => runWith(run, onlyIfCounting) }));
  return [...asCases(CASES, false), ...asCases(COUNT_CASES, true)];
}
