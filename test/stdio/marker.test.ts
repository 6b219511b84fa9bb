/** The marker judges itself: by its text and what is seen of its owner, nothing else. */
import { spawn } from 'node:child_process';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SYSTEM_CLOCK } from '../../src/clock.ts';
import { isOrphaned, type Marking, markerOf, ourMarking, ownerIn } from '../../src/stdio/marker.ts';
import { endMarked, findMarked, signalOrphan } from '../../src/stdio/orphans.ts';
import { environmentVariable, processNumbers, processStat } from '../../src/stdio/procfs.ts';
import { until } from '../support/until.ts';
import { freshMarker, gone, lives } from './launched.ts';

function marking(): Marking {
  const ours = ourMarking(freshMarker());
  if (ours === undefined) throw new Error('These tests need /proc');
  return ours;
}

/** A process that is marked so; killed after the test. */
async function marked({ name }: Marking, value: string, script = 'exec sleep 300'): Promise<number> {
  const child = spawn('sh', ['-c', script], { env: { PATH: process.env['PATH'], [name]: value }, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  await until(() => environmentVariable(pid, name) === value, { what: 'its environment' });
  return pid;
}

describe('a marker', () => {
  test('says who its owner is', () => {
    const { owner } = marking();
    expect(owner.pid).toBe(process.pid);
    expect(ownerIn(markerOf(owner, 'a-b_C1'))).toEqual(owner);
    expect(ourMarking()?.name).toBe('MCP_SESSION_SUPERVISOR_CHILD');
  });

  test.each(['', '1', 'x', '1:1:1:1:1:a', ':::::', `1:1:1:${'0'.repeat(36)}:1:`, `1:-1:1:${'0'.repeat(36)}:1:a`])(
    'of another kind says nothing: %s',
    (value) => {
      expect(ownerIn(value)).toBeUndefined();
      expect(isOrphaned(value, marking().owner)).toBe(false);
    },
  );

  test('is orphaned when its owner is gone, or another process has its number, or it is a zombie', async () => {
    const { owner } = marking();
    expect(isOrphaned(markerOf(owner, 'a'), owner)).toBe(false);
    expect(isOrphaned(markerOf({ ...owner, startTime: '1' }, 'a'), owner)).toBe(true);
    expect(isOrphaned(markerOf({ ...owner, pid: 2 ** 22 + 1 }, 'a'), owner)).toBe(true);
  });

  test('of another start of the machine or another namespace is none of ours', () => {
    const { owner } = marking();
    const dead = { ...owner, startTime: '1' };
    const boot = '00000000-0000-0000-0000-000000000000';
    expect(isOrphaned(markerOf({ ...dead, boot }, 'a'), owner)).toBe(false);
    expect(isOrphaned(markerOf({ ...dead, namespace: '1' }, 'a'), owner)).toBe(false);
  });
});

describe('marked processes', () => {
  test('are found, but for ourselves and those that we are part of', async () => {
    const ours = marking();
    const pid = await marked(ours, 'value');
    const found = await findMarked({ marking: ours, wanted: (value) => value === 'value' });
    expect(found).toEqual([{ pid, startTime: processStat(pid)?.startTime, marker: 'value' }]);
    // PATH is a variable that we and those who started us have.
    const all = await findMarked({ marking: { ...ours, name: 'PATH' }, wanted: () => true });
    const pids = all.map((orphan) => orphan.pid);
    expect(pids).toContain(pid);
    expect(pids).not.toContain(process.pid);
    expect(pids).not.toContain(process.ppid);
  });

  test('are searched in slices that let the event loop live', async () => {
    let ticks = 0;
    let over = false;
    const tick = () => {
      ticks++;
      if (!over) setImmediate(tick);
    };
    setImmediate(tick);
    const count = processNumbers().length;
    await findMarked({ marking: marking(), wanted: () => true });
    over = true;
    expect(ticks).toBeGreaterThanOrEqual(Math.floor(count / 20));
  });

  test('are no longer searched when that is not wanted any more', async () => {
    const stop = AbortSignal.abort();
    const ours = { ...marking(), name: 'PATH' };
    expect(await findMarked({ marking: ours, wanted: () => true, stop })).toEqual([]);
  });

  test('are signalled only as what they were found as', async () => {
    const ours = marking();
    const pid = await marked(ours, 'value');
    const orphan = { pid, startTime: processStat(pid)?.startTime ?? '', marker: 'value' };
    const search = { marking: ours, wanted: () => true };
    expect(signalOrphan({ ...orphan, startTime: '1' }, search, 'SIGKILL')).toBe(false);
    expect(signalOrphan({ ...orphan, marker: 'other' }, search, 'SIGKILL')).toBe(false);
    expect(signalOrphan(orphan, { ...search, wanted: () => false }, 'SIGKILL')).toBe(false);
    expect(lives(pid)).toBe(true);
    // Its shell may be about to become what it runs, and has no environment for a moment.
    await until(() => signalOrphan(orphan, search, 'SIGKILL'), { what: 'it to be found as what it is' });
    await gone(pid);
    expect(signalOrphan(orphan, search, 'SIGKILL')).toBe(false);
  });

  test('that ignore SIGTERM end by SIGKILL, and what they started meanwhile ends too', async () => {
    const ours = marking();
    const script = "trap 'setsid sleep 300 & ' TERM; while :; do sleep 0.05; done";
    const pid = await marked(ours, 'value', script);
    const found: number[] = [];
    const search = { marking: ours, wanted: () => true };
    const count = await endMarked(search, {
      clock: SYSTEM_CLOCK,
      grace: 300,
      found: (orphans) => found.push(orphans.length),
    });
    expect(lives(pid)).toBe(false);
    expect(found.length).toBeGreaterThan(1);
    expect(count).toBe(found.reduce((a, b) => a + b));
    expect(await findMarked(search)).toEqual([]);
  });
});
