/** Real processes: how they start or fail to, what they tell, and how they end, whatever they are. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import { processStat } from '../../src/stdio/procfs.ts';
import { MAX_STDIN } from '../../src/stdio/spawnedProcess.ts';
import { until } from '../support/until.ts';
import { child, gone, launcherOf, lives } from './launched.ts';

const SECRET = 'hunter2';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'launcher-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('a start that fails', () => {
  const NOWHERE = '/nowhere/at/all';
  test.each<[string, [string, ...string[]], object, RegExp]>([
    ['no such program', ['no-such-program', SECRET], {}, /"no-such-program" can't be started: there is no such/],
    ['no such path', [`${NOWHERE}/a`], {}, /there is no such program.*ENOENT/],
    ['a directory', ['/tmp', SECRET], {}, /it may not be executed \(EACCES\)/],
    ['a bad directory to start in', ['cat'], { cwd: NOWHERE }, /there is no directory "\/nowhere\/at\/all"/],
    ['a file to start in', ['cat'], { cwd: '/etc/passwd' }, /there is no directory "\/etc\/passwd"/],
    ['NUL in an argument', ['cat', `${SECRET}\0`], {}, /has a NUL in it/],
    ['NUL in a variable', ['cat'], { env: { A: `${SECRET}\0` } }, /has a NUL in it/],
    ['no command', [''], {}, /is empty/],
    ['too long arguments', ['cat', SECRET.repeat(1_000_000)], {}, /too long \(E2BIG\)/],
    ['control characters', ['a\u001b[2Jb'], {}, /"a\\u001b\[2Jb"/],
  ])('%s: COMMAND_NOT_FOUND, which names the command and no argument', async (_, command, options, message) => {
    const { launch, left } = launcherOf();
    const error = await launch(command, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SupervisorError);
    expect(error).toMatchObject({ code: 'COMMAND_NOT_FOUND', message: expect.stringMatching(message) });
    expect((error as Error).cause).toBeUndefined();
    expect(JSON.stringify(error) + String(error)).not.toContain(SECRET);
    expect(await left()).toEqual([]);
  });

  test('a file that may not be executed: COMMAND_NOT_FOUND', async () => {
    const path = join(await folder(), 'server');
    await writeFile(path, '#!/bin/sh\n');
    await chmod(path, 0o644);
    await expect(launcherOf().launch([path])).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  });

  test('one that fails leaves its place to others', async () => {
    const { launch } = launcherOf();
    const failing = Promise.allSettled(Array.from({ length: 20 }, () => launch(['no-such-program'])));
    const { running } = await launch(child('deaf.sh'));
    expect(lives(running.pid)).toBe(true);
    expect((await failing).every(({ status }) => status === 'rejected')).toBe(true);
  });
});

describe('what a process says', () => {
  test('is told line by line, and what is written comes back', async () => {
    const { launch } = launcherOf();
    const { running, record } = await launch(child('echo.js'));
    expect(running.write('{"n":1.0,"s":"€"}')).toBe(true);
    expect(running.write('{"n":2}')).toBe(true);
    await record.heardLine('{"n":2}');
    expect(record.lines).toEqual(['{"n":1.0,"s":"€"}', '{"n":2}']);
    running.closeStdin();
    await record.heard('emptied');
    // An exit by EOF, and no signal was sent.
    expect(record.told.slice(2)).toEqual([['exited', { code: 0, signal: null }], ['emptied']]);
  });

  test('300 kB right before the exit are all told, the unfinished line too, before the exit', async () => {
    const { record } = await launcherOf().launch(child('lastWords.js'));
    expect(await record.heard('exited')).toEqual({ code: 7, signal: null });
    expect(record.lines).toHaveLength(301);
    expect(record.lines.at(-1)).toBe('the end');
    expect(record.names.lastIndexOf('line')).toBeLessThan(record.names.indexOf('exited'));
  });

  test('what is written within 100 ms after its exit is told, even when the event loop is held up for longer', async () => {
    const script = '(sleep 0.05; echo late; exec sleep 300) & exit 0';
    const { running, record } = await launcherOf().launch(['sh', '-c', script]);
    await until(() => processStat(running.pid) === undefined, { what: 'the exit' });
    const later = performance.now() + 250;
    while (performance.now() < later) {
      // When it goes on, the time is over and the line is there.
    }
    await record.heard('exited');
    expect(record.told).toEqual([
      ['line', 'late'],
      ['exited', { code: 0, signal: null }],
    ]);
  });

  test('in its last words is why it failed', async () => {
    const { running, record } = await launcherOf().launch(child('fails.sh'));
    await record.heard('emptied');
    expect(record.told).toEqual([
      ['stderr', 'no configuration found', 0],
      ['stderr', 'give me one', 0],
      ['exited', { code: 3, signal: null }],
      ['emptied'],
    ]);
    expect(running.lastWords).toBe('no configuration found\ngive me one');
  });

  test('floods of stderr are cut, counted, and never block it', async () => {
    const { running, record } = await launcherOf().launch(child('floodsStderr.js'));
    await record.heardLine('not blocked');
    running.closeStdin();
    await record.heard('exited');
    const told = record.told.filter(([name]) => name === 'stderr');
    const dropped = told.reduce((sum, [, , count]) => sum + Number(count), 0);
    expect(told.length + dropped).toBe(20_000);
    expect(told.length).toBeLessThan(1_500);
    expect(running.lastWords.length).toBeLessThanOrEqual(4_096);
  });

  test('a line beyond its bound is told of once, and what follows is read and not told', async () => {
    const { launch } = launcherOf();
    const { running, record } = await launch(['sh', '-c', 'head -c 12000000 /dev/zero; echo; echo more; exec cat']);
    expect(await record.heard('overflowed')).toBe(10 * 1024 * 1024);
    running.closeStdin();
    await record.heard('emptied');
    expect(record.names).toEqual(['overflowed', 'exited', 'emptied']);
  });

  test('a stdout that it closed is told of while it lives', async () => {
    const { running, record } = await launcherOf().launch(child('closesStdout.sh'));
    expect(await record.heard('closed')).toBe('stdout');
    expect(lives(running.pid)).toBe(true);
    running.signalGroup('SIGTERM');
    await record.heard('emptied');
    expect(record.names).toEqual(['line', 'closed', 'exited', 'emptied']);
  });

  test('a stdin that it closed is told of when it is written to, and takes nothing more', async () => {
    const { running, record } = await launcherOf().launch(child('closesStdin.sh'));
    await record.heardLine('ready');
    expect(running.write('lost')).toBe(true);
    expect(await record.heard('closed')).toBe('stdin');
    expect(running.write('refused')).toBe(false);
    expect(lives(running.pid)).toBe(true);
  });
});

test('of what it does not read at most 8 MiB wait; others live', async () => {
  const { launch } = launcherOf();
  const { running, record } = await launch(child('deaf.sh'));
  const { running: other, record: otherRecord } = await launch(child('echo.js'));
  await record.heardLine('ready');
  const line = 'x'.repeat(1024 * 1024 - 1);
  let written = 0;
  while (written < 100 && running.write(line)) written++;
  // What the kernel took does not wait.
  expect(written).toBeGreaterThanOrEqual(MAX_STDIN / (1024 * 1024));
  expect(written).toBeLessThan(MAX_STDIN / (1024 * 1024) + 2);
  other.write('alive');
  await otherRecord.heardLine('alive');
  running.closeStdin();
  running.signalGroup('SIGTERM');
  await record.heard('emptied');
  expect(running.write('a')).toBe(false);
  running.closeStdin();
  running.signalGroup('SIGKILL');
  expect(record.names).toEqual(['line', 'exited', 'emptied']);
});

test('one message may be larger than what may wait, as long as none waits before it', async () => {
  const { launch } = launcherOf();
  const { running } = await launch(child('deaf.sh'));
  const large = 'x'.repeat(MAX_STDIN + 1);
  expect([running.write(large), running.write(large), running.write('x')]).toEqual([true, false, false]);
});

test('a leader that exits is told at once, a grandchild that has its stdout is ended with the group', async () => {
  const { running, record } = await launcherOf().launch(child('leaves.sh'));
  const grandchild = Number((await record.heardLine('left ')).slice(5));
  expect(await record.heard('exited')).toEqual({ code: 5, signal: null });
  expect(lives(grandchild)).toBe(true);
  await passing(50); // nothing happens
  expect(record.names).not.toContain('emptied');
  running.signalGroup('SIGTERM');
  await record.heard('emptied');
  expect(lives(grandchild)).toBe(false);
});

test('a grandchild that left the group is found by its marker, told of and ended', async () => {
  const { launch, log, left } = launcherOf();
  const { running, record } = await launch(child('escapes.sh'));
  await record.heardLine('escaped');
  running.closeStdin();
  await record.heard('emptied');
  const [escapee] = await left();
  await gone(escapee?.pid ?? 0);
  expect(log).toEqual([expect.objectContaining({ level: 'warn', event: 'escapees.found', pids: [escapee?.pid] })]);
  expect(log[0]?.message).toMatch(new RegExp(`1 processes: sleep \\(${escapee?.pid}, started by ${process.pid}\\)`));
});

describe('a start', () => {
  test('that waits for its turn is abandoned by its signal', async () => {
    const { launch, left } = launcherOf();
    const controller = new AbortController();
    const first = Array.from({ length: 4 }, () => launch(child('deaf.sh')));
    const waiting = launch(child('deaf.sh'), { signal: controller.signal });
    controller.abort(new Error('its client left'));
    await expect(waiting).rejects.toThrow('its client left');
    await Promise.all(first);
    expect(await left()).toHaveLength(4);
  });

  test('of a signal that is aborted already is none', async () => {
    const { launch, left } = launcherOf();
    await expect(launch(child('deaf.sh'), { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
    expect(await left()).toEqual([]);
  });

  test('that is abandoned while it happens leaves nothing', async () => {
    const { launch, left } = launcherOf();
    const controller = new AbortController();
    const starting = launch(child('deaf.sh'), { signal: controller.signal });
    queueMicrotask(() => queueMicrotask(() => controller.abort(new Error('gone'))));
    await expect(starting).rejects.toThrow('gone');
    await until(async () => (await left()).length === 0, { what: 'its end' });
  });

  test('of twenty at once happens four at a time, and the event loop lives', async () => {
    const { launch, left } = launcherOf();
    let starting = 0;
    let most = 0;
    const all = Array.from({ length: 20 }, async () => {
      const launched = await launch(child('deaf.sh'));
      most = Math.max(most, ++starting);
      await launched.record.heardLine('ready');
      starting--;
      return launched;
    });
    await Promise.all(all);
    expect(most).toBeLessThanOrEqual(4);
    expect((await left()).length).toBe(20);
  });

  test('of one that says nothing is over after a second', async () => {
    const { launch } = launcherOf();
    const mute: [string, ...string[]] = ['sleep', '300'];
    const begun = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => launch(mute)));
    expect(performance.now() - begun).toBeGreaterThan(900);
  });
});

describe('a launcher that is closed', () => {
  test('has killed all that it started, and says so to their owners', async () => {
    const { launcher, launch, left } = launcherOf();
    const all = await Promise.all(
      ['stubborn.js', 'escapes.sh', 'leaves.sh', 'stopped.sh'].map((name) => launch(child(name))),
    );
    await all[0]?.record.heardLine('ready');
    await all[1]?.record.heardLine('escaped');
    await all[2]?.record.heard('exited');
    await launcher.close();
    expect(await left()).toEqual([]);
    for (const { record } of all) expect(record.names.slice(-2)).toEqual(['exited', 'emptied']);
  });

  test('starts nothing more, and refuses who waits', async () => {
    const { launcher, launch, left } = launcherOf();
    const all = Array.from({ length: 6 }, () => launch(child('deaf.sh')));
    const settled = Promise.allSettled(all);
    const closing = launcher.close();
    expect(launcher.close()).toBe(closing);
    await closing;
    for (const outcome of (await settled).slice(4)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SPAWN_UNAVAILABLE' } });
    }
    await expect(launch(child('deaf.sh'))).rejects.toMatchObject({ code: 'SPAWN_UNAVAILABLE' });
    await until(async () => (await left()).length === 0, { what: 'nothing to be left' });
  });

  test('that never started anything has nothing to do', async () => {
    const { launcher, log } = launcherOf();
    await launcher.close();
    expect(log).toEqual([]);
  });
});
