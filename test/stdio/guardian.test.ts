/** The guardian as its owner knows it: there when it has to be, replaced, given up. What it does at our end is in test/processes. */
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SYSTEM_CLOCK } from '../../src/clock.ts';
import type { LogEntry } from '../../src/options/logger.ts';
import { Guardian } from '../../src/stdio/guardian.ts';
import { processNumbers, processStat, programOf } from '../../src/stdio/procfs.ts';
import { until } from '../support/until.ts';
import { child, gone, launcherOf, lives } from './launched.ts';

/** A guardian of the test's own, which is gone after it. `waits` are the pauses before it was replaced. */
function guardianOf(shell = 'sh') {
  const waits: number[] = [];
  const clock = {
    ...SYSTEM_CLOCK,
    setTimeout: (fn: () => void, ms: number) => {
      waits.push(ms);
      return SYSTEM_CLOCK.setTimeout(fn, 0);
    },
  };
  const guardian = new Guardian({ clock, shell });
  const log: LogEntry[] = [];
  guardian.acquire((entry) => log.push(entry));
  onTestFinished(async () => {
    const { pid } = guardian;
    guardian.release();
    if (pid !== undefined) await gone(pid);
  });
  return { guardian, log, waits };
}

async function pidOf(guardian: Guardian, other?: number): Promise<number> {
  return until(() => guardian.pid !== other && guardian.pid, { what: 'a guardian' });
}

describe('a guardian', () => {
  test('is there from the first start on, in a session of its own, and goes with the last launcher', async () => {
    const guardian = new Guardian();
    const a = launcherOf({ guardian });
    const b = launcherOf({ guardian });
    expect(guardian.pid).toBeUndefined();
    await a.launch(child('deaf.sh'));
    const { pid } = guardian;
    await b.launch(child('deaf.sh'));
    expect(guardian.pid).toBe(pid);
    expect(processStat(pid ?? 0)?.group).toBe(pid);
    await a.launcher.close();
    expect(lives(pid ?? 0)).toBe(true);
    await b.launcher.close();
    await gone(pid ?? 0);
  });

  test('is no process that we are found to have left', async () => {
    const { launch, left } = launcherOf();
    const { running } = await launch(child('deaf.sh'));
    expect((await left()).map(({ pid }) => pid)).toEqual([running.pid]);
  });

  test('has a pipe that no process inherits', async () => {
    const guardian = new Guardian();
    const { launch } = launcherOf({ guardian });
    const { running, record } = await launch(child('deaf.sh'));
    await record.heardLine('ready');
    const other = spawn('sleep', ['300'], { stdio: ['ignore', 'ignore', 'ignore'] });
    onTestFinished(() => void other.kill('SIGKILL'));
    const ours = openFiles(process.pid);
    for (const pid of [running.pid, other.pid ?? 0]) {
      await until(() => programOf(pid) === 'sleep', { what: 'the program to be there' });
      const shared = openFiles(pid).filter((file) => ours.includes(file) && file.startsWith('socket:'));
      expect(shared).toEqual([]);
    }
    // Its end is in the guardian, and in nobody else.
    const stdin = readlinkSync(`/proc/${guardian.pid}/fd/0`);
    const holders = processNumbers().filter((pid) => openFiles(pid).includes(stdin));
    expect(holders.filter((pid) => processStat(pid)?.parent !== guardian.pid)).toEqual([guardian.pid]);
  });

  test('that is killed is replaced, later each time, at most five times', async () => {
    const { guardian, log, waits } = guardianOf();
    guardian.prepare();
    let pid = await pidOf(guardian);
    for (let n = 0; n < 5; n++) {
      process.kill(pid, 'SIGKILL');
      pid = await pidOf(guardian, pid);
    }
    expect(log).toEqual([]);
    process.kill(pid, 'SIGKILL');
    await until(() => log.length > 0, { what: 'a warning' });
    expect(log).toEqual([expect.objectContaining({ level: 'warn', event: 'guardian.lost' })]);
    expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000]);
    guardian.prepare();
    expect(guardian.pid).toBeUndefined();
  });

  test('that hears nothing is replaced before much waits for it', async () => {
    const { guardian } = guardianOf();
    guardian.prepare();
    const pid = await pidOf(guardian);
    process.kill(pid, 'SIGSTOP');
    const group = { id: 2 ** 22, startTime: '1' } as never;
    await until(
      () => {
        for (let n = 0; n < 1_000; n++) {
          guardian.add(group);
          guardian.remove(group);
        }
        return guardian.pid !== pid;
      },
      { what: 'another one' },
    );
    expect(await pidOf(guardian)).not.toBe(pid);
  });

  test('that there is no shell for is a warning, once, and processes are started nevertheless', async () => {
    const { guardian } = guardianOf('/no/such/shell');
    const { launch, log } = launcherOf({ guardian });
    const { running, record } = await launch(child('echo.js'));
    await until(() => log.length > 0, { what: 'a warning' });
    await launch(child('deaf.sh'));
    running.write('alive');
    await record.heardLine('alive');
    expect(log).toEqual([expect.objectContaining({ level: 'warn', event: 'guardian.lost' })]);
    expect(log[0]?.message).toContain('/no/such/shell');
  });
});

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
