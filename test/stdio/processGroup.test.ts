/** Groups: signalled while they are ours alone, and empty when nobody in them lives. */
import { spawn } from 'node:child_process';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { GroupWatch } from '../../src/stdio/groupWatch.ts';
import { livingGroups, ProcessGroup } from '../../src/stdio/processGroup.ts';
import { environmentVariable, processStat } from '../../src/stdio/procfs.ts';
import { until } from '../support/until.ts';
import { gone, lives } from './launched.ts';

/** Starts the leader of a group, by a line of shell. It is killed after the test, with its group. */
async function leader(script: string): Promise<number> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  const { pid } = child;
  if (pid === undefined) throw new Error('There is no sh');
  onTestFinished(async () => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      return; // It is gone.
    }
    await until(() => !livingGroups()?.has(pid), { what: `the end of group ${pid}` });
  });
  return pid;
}

describe('a process', () => {
  test('is read right whatever its name is', async () => {
    const pid = await leader("printf '%s' 'a) Z 1 (b) ' > /proc/$$/comm; while :; do sleep 300; done");
    await until(() => processStat(pid)?.state === 'S' && environmentVariable(pid, 'PATH'), { what: 'its sleep' });
    const other = await leader('while :; do sleep 300; done');
    expect(processStat(pid)).toMatchObject({ parent: process.pid, group: pid });
    expect(Number(processStat(other)?.startTime)).toBeGreaterThanOrEqual(Number(processStat(pid)?.startTime));
    expect(processStat(2 ** 22 + 1)).toBeUndefined();
  });
});

describe('a group', () => {
  test('is signalled as a whole', async () => {
    const pid = await leader('sleep 300 & sleep 300');
    const group = new ProcessGroup(pid);
    expect(group.startTime).toMatch(/^\d+$/);
    expect(group.becameEmpty(livingGroups)).toBe(false);
    expect(group.signal('SIGKILL')).toBe(true);
    await until(() => group.becameEmpty(livingGroups), { what: 'an empty group' });
    expect(group.signal('SIGKILL')).toBe(false);
  });

  test('whose leader is gone is still ours', async () => {
    const pid = await leader('sleep 300 & exit 0');
    const group = new ProcessGroup(pid);
    await until(() => processStat(pid) === undefined, { what: 'the end of the leader' });
    expect(group.becameEmpty(livingGroups)).toBe(false);
    expect(group.signal('SIGTERM')).toBe(true);
    await until(() => group.becameEmpty(livingGroups), { what: 'an empty group' });
  });

  test('whose leader was started at another time is not touched', async () => {
    const pid = await leader('exec sleep 300');
    const other = new ProcessGroup(pid, String(Number(processStat(pid)?.startTime) - 1));
    expect(other.signal('SIGKILL')).toBe(false);
    expect(other.becameEmpty(livingGroups)).toBe(true);
    expect(lives(pid)).toBe(true);
  });

  test('of zombies alone is empty', async () => {
    // The leader's child is dead, and its parent, which left the group, does not ask for it.
    const pid = await leader(`exec node -e "
      const { spawn } = require('node:child_process');
      const inner = spawn('sh', ['-c', 'exit 0'], { detached: true, stdio: 'ignore' });
      require('node:fs').writeSync(1, '');
      process.kill(process.pid, 'SIGSTOP');
    "`);
    const zombie = await until(
      () => {
        const children = [...Array(50).keys()].map((n) => pid + 1 + n);
        return children.find((each) => processStat(each)?.parent === pid && processStat(each)?.state === 'Z');
      },
      { within: 15_000, what: 'a zombie' },
    );
    const group = new ProcessGroup(zombie);
    expect(() => process.kill(-zombie, 0)).not.toThrow();
    expect(group.becameEmpty(livingGroups)).toBe(true);
  });
});

/** A clock that is set by hand, and what is planned on it. */
function handClock() {
  const planned = new Map<object, { at: number; fn: () => void }>();
  let now = 1_000;
  const clock: Clock = {
    now: () => now,
    setTimeout: (fn, ms) => {
      const timer = {};
      planned.set(timer, { at: now + ms, fn });
      return timer;
    },
    clearTimeout: (timer) => planned.delete(timer),
  };
  /** Goes on to what is planned next; returns after how many ms that was. */
  const next = () => {
    const [timer, { at, fn }] = [...planned].sort(([, a], [, b]) => a.at - b.at)[0] ?? [{}, { at: now, fn: () => {} }];
    planned.delete(timer);
    const passed = at - now;
    now = at;
    fn();
    return passed;
  };
  return { clock, planned, next };
}

test('while a member that was seen lives, nobody has to be looked for', async () => {
  const pid = await leader('sleep 300 & sleep 300');
  const group = new ProcessGroup(pid);
  let [scans, witness] = [0, 0];
  const scan = () => {
    scans++;
    const groups = livingGroups();
    witness = groups?.get(pid) ?? 0;
    return groups;
  };
  for (let n = 0; n < 10; n++) expect(group.becameEmpty(scan)).toBe(false);
  expect(scans).toBe(1);
  process.kill(witness, 'SIGKILL');
  await gone(witness);
  group.becameEmpty(scan);
  expect(scans).toBe(2);
});

describe('groups that are waited for', () => {
  test('are looked at soon, then less and less often', async () => {
    const pid = await leader('exec sleep 300');
    const { clock, planned, next } = handClock();
    const watch = new GroupWatch(clock);
    const emptied: string[] = [];
    watch.watch(new ProcessGroup(pid), () => emptied.push('it'));
    expect(emptied).toEqual([]);
    expect(Array.from({ length: 10 }, next)).toEqual([0, 4, 8, 16, 32, 64, 100, 100, 100, 100]);
    for (let n = 0; n < 120; n++) next();
    expect(next()).toBe(1_000);
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    expect(emptied).toEqual([]);
    next();
    expect(emptied).toEqual(['it']);
    expect(planned.size).toBe(0);
  });

  test('are looked at at once after a signal, each by itself', async () => {
    const [a, b] = await Promise.all([leader('exec sleep 300'), leader('exec sleep 300')]);
    const groups = [new ProcessGroup(a), new ProcessGroup(b)] as const;
    const { clock, next } = handClock();
    const watch = new GroupWatch(clock);
    const emptied: string[] = [];
    watch.watch(groups[0], () => emptied.push('a'));
    watch.watch(groups[1], () => emptied.push('b'));
    for (let n = 0; n < 10; n++) next();
    groups[0].signal('SIGKILL');
    watch.hurry(groups[0]);
    await gone(a);
    expect(next()).toBe(2);
    expect(emptied).toEqual(['a']);
    watch.close();
    process.kill(b, 'SIGKILL');
    await gone(b);
    next();
    expect(emptied).toEqual(['a']);
  });
});
