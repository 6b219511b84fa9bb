/** A session store in memory that works, until the test has it wait, fail or hang: before each operation it may step in. */
import { createMemorySessionStore, type SessionStore } from '../../src/index.ts';

export type SessionStoreOperation = Exclude<keyof SessionStore, 'durable' | 'counts' | 'close'>;

/** Called before an operation goes on: it may throw, or return a promise to wait for. */
type Step = (...given: readonly unknown[]) => unknown;

const OPERATIONS = ['create', 'load', 'claim', 'update', 'park', 'remove', 'expired', 'count', 'countOf'] as const;

export interface ControlledSessionStore extends SessionStore {
  /** How often each operation was begun. */
  readonly calls: Record<SessionStoreOperation, number>;
  /** What steps in, by operation. */
  readonly before: Partial<Record<SessionStoreOperation, Step>>;
  /** What comes of an operation may be replaced. */
  readonly instead: Partial<Record<SessionStoreOperation, (outcome: unknown) => unknown>>;
}

export function controlledSessionStore({ durable = false, counts = true } = {}): ControlledSessionStore {
  const good = createMemorySessionStore();
  const calls = Object.fromEntries(OPERATIONS.map((name) => [name, 0])) as ControlledSessionStore['calls'];
  const before: ControlledSessionStore['before'] = {};
  const instead: ControlledSessionStore['instead'] = {};
  const operations = OPERATIONS.map((name) => {
    const operate = async (...given: unknown[]) => {
      calls[name]++;
      await before[name]?.(...given);
      const outcome: unknown = await (good[name] as (...all: unknown[]) => Promise<unknown>).apply(good, given);
      const replaced = instead[name];
      return replaced === undefined ? outcome : replaced(outcome);
    };
    return [name, operate] as const;
  });
  const close = () => good.close();
  return {
    durable,
    counts,
    calls,
    before,
    instead,
    close,
    ...Object.fromEntries(operations),
  } as ControlledSessionStore;
}
