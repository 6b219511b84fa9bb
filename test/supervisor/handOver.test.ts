/** A drain that parks many sessions: the store is asked for no more than it gets done, and one that hangs is not waited for. */
import { expect, test } from 'vitest';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { serve } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { initialize } from '../support/wire.ts';

const SESSIONS = 400;
/** 256 that the store has to do, and the slice of 100 that was begun before. */
const MOST = 356;

async function crowded(store: ReturnType<typeof controlledSessionStore>) {
  const served = await serve({ sessionStore: store });
  for (let n = 0; n < SESSIONS; n += 20) {
    await Promise.all(Array.from({ length: 20 }, () => initialize(served.url, { notify: false })));
  }
  await until(() => served.supervisor.stats().sessions.idle === SESSIONS, { what: 'all to be idle' });
  return served;
}

test('so many sessions are being parked at a time', { timeout: 30_000 }, async () => {
  const store = controlledSessionStore({ durable: true });
  const { supervisor } = await crowded(store);
  const parks: (() => void)[] = [];
  let most = 0;
  store.before.park = () => {
    const waiting = new Promise<void>((resolve) => void parks.push(resolve));
    most = Math.max(most, parks.length);
    return waiting;
  };
  const drained = supervisor.drain();
  await until(() => parks.length > 256, { what: 'the first to be parked' });
  for (let done = 0; done < SESSIONS; done++) {
    await until(() => parks.length > 0, { what: `park ${done}` });
    parks.shift()?.();
  }
  await drained;
  expect(most).toBeLessThanOrEqual(MOST);
  expect(store.calls.park).toBe(SESSIONS);
});

test('a store that parks nobody is given up after a second, not after a second for each few', {
  timeout: 30_000,
}, async () => {
  const store = controlledSessionStore({ durable: true });
  const { supervisor } = await crowded(store);
  store.before.park = () => new Promise(() => {});
  const begun = performance.now();
  await supervisor.drain({ timeout: 8_000 });
  expect(store.calls.park).toBe(SESSIONS);
  expect(performance.now() - begun).toBeLessThan(8_000);
});
