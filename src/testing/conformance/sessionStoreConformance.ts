/** The contract of a session store as cases that any test runner can run. */
import type { SessionStore } from '../../index.ts';
import { CLOSING_CASES } from './closingCases.ts';
import { COUNT_CASES } from './countCases.ts';
import { DEADLINE_CASES } from './deadlineCases.ts';
import { EPOCH_CASES } from './epochCases.ts';
import { EXPIRY_CASES } from './expiryCases.ts';
import { RECORD_CASES } from './recordCases.ts';
import { type SessionCases, SessionSubject, type StoreTime } from './sessionSubject.ts';
import type { StoreCase } from './storeConformance.ts';

/** A session store, how to open it again, and what has to be done when its case is over. */
export interface OpenedSessionStore {
  readonly store: SessionStore;
  /** Opens what the store held, when that was closed, as another process would. Without it that is not tried. */
  reopen?(): SessionStore | Promise<SessionStore>;
  /** The store's time, where it is simulated: then a store that `expires` has to do it. */
  readonly time?: StoreTime;
  dispose?(): unknown;
}

type Need = (store: SessionStore) => boolean;

/** The cases, and which stores have to keep them. */
const CASES: readonly (readonly [SessionCases, Need])[] = [
  [{ ...RECORD_CASES, ...EPOCH_CASES, ...CLOSING_CASES }, () => true],
  [DEADLINE_CASES, (store) => store.expires !== true],
  [EXPIRY_CASES, (store) => store.expires === true],
  [COUNT_CASES, (store) => store.counts],
];

/**
 * The contract of a session store (`SessionStore`) as a list of cases, for any test runner. Each case opens a store of its
 * own, or one that already holds sessions of others, and removes its own. Nobody else may use the store meanwhile, which
 * two of the cases close.
 * @param createStore Opens a store; may be async, and may return `{ store, reopen, dispose }`.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { createMemorySessionStore } from 'mcp-session-supervisor';
 * import { sessionStoreConformance } from 'mcp-session-supervisor/testing';
 *
 * for (const { name, run } of sessionStoreConformance(() => createMemorySessionStore())) test(name, run);
 * ```
 */
export function sessionStoreConformance(
  createStore: () => SessionStore | OpenedSessionStore | Promise<SessionStore | OpenedSessionStore>,
): StoreCase[] {
  const runWith = async (run: SessionCases[string], isKeptBy: Need) => {
    const created = await createStore();
    const opened: OpenedSessionStore = 'store' in created ? created : { store: created };
    const subject = new SessionSubject(opened.store, opened.reopen?.bind(opened), opened.time);
    try {
      if (isKeptBy(opened.store)) await run(subject);
    } finally {
      await subject.removeAll();
      await opened.dispose?.();
    }
  };
  return CASES.flatMap(([cases, isKeptBy]) =>
    Object.entries(cases).map(([name, run]) => ({ name, run: () => runWith(run, isKeptBy) })),
  );
}
