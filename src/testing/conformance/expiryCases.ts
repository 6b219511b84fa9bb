/** The contract of a session store that removes sessions by itself: not before their deadlines, and then it does. */
import { deepStrictEqual } from 'node:assert/strict';
import type { SessionCases } from './sessionSubject.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** So long after its deadline a session may still be there. */
const DAY = 24 * HOUR;

export const EXPIRY_CASES: SessionCases = {
  'tells of no session that has expired, since they go by themselves': async (subject) => {
    for (const [n, by] of [1, subject.now(), subject.now() + HOUR].entries()) {
      await subject.create(n, { idleDeadline: by });
      deepStrictEqual(await subject.store.expired(by + DAY, 1_000), []);
    }
  },

  'keeps a session until its deadline, and one that has none': async (subject) => {
    const now = subject.now();
    const records = [
      await subject.create('idle', { idleDeadline: now + HOUR }),
      await subject.create('lifetime', { lifetimeDeadline: now + HOUR }),
      await subject.create('both', { idleDeadline: now + 2 * HOUR, lifetimeDeadline: now + HOUR }),
      await subject.create('never'),
    ];
    await subject.pass(HOUR - MINUTE);
    for (const record of records) await subject.expectRecord(record);
  },

  'keeps a session whose deadline was put off, by whom it may be': async (subject) => {
    const { id } = await subject.create(0, { idleDeadline: subject.now() + MINUTE });
    await subject.store.update(id, 1, { idleDeadline: subject.now() + HOUR });
    await subject.pass(HOUR - MINUTE);
    await subject.store.park(id, 1, { at: subject.now(), change: { idleDeadline: subject.now() + HOUR } });
    await subject.pass(HOUR - MINUTE);
    const { epoch } = await subject.claim(id, 1);
    await subject.store.update(id, epoch, { idleDeadline: null });
    await subject.pass(HOUR);
    await subject.record(id);
  },

  // Where time can't be made to pass, nobody waits for that.
  'removes a session within a day of the earlier of its deadlines': async (subject) => {
    const now = subject.now();
    const ids = [
      await subject.create('idle', { idleDeadline: now + MINUTE }),
      await subject.create('lifetime', { idleDeadline: now + 9 * DAY, lifetimeDeadline: now + MINUTE }),
      await subject.create('parked', { idleDeadline: now + MINUTE }),
    ].map(({ id }) => id);
    await subject.store.park(subject.id('parked'), 1, { at: now });
    if (!(await subject.pass(DAY + MINUTE))) return;
    for (const id of ids) await subject.expectGone(id);
  },
};
