/**
 * What is left when the process that started others is killed, alone or with its guardian: nothing, and never anything of
 * somebody else is touched. Guardians wait for real seconds.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SYSTEM_CLOCK } from '../../src/clock.ts';
import type { LogEntry } from '../../src/options/logger.ts';
import { Guardian } from '../../src/stdio/guardian.ts';
import { GUARDIAN_SCRIPT } from '../../src/stdio/guardianScript.ts';
import { markerOf, ourMarking } from '../../src/stdio/marker.ts';
import { endOrphans, findMarked, type Orphan } from '../../src/stdio/orphans.ts';
import { livingGroups, ProcessGroup } from '../../src/stdio/processGroup.ts';
import { environmentVariable, processStat } from '../../src/stdio/procfs.ts';
import { type Running, start, useCommand } from '../cli/command.ts';
import { behindShell, child, freshMarker, gone, lives } from '../stdio/launched.ts';
import { until } from '../support/until.ts';

const built = useCommand();
const FIXTURE = fileURLToPath(new URL('./fixtures/launches.js', import.meta.url));
/** A guardian takes up to 4 s, on a machine that may be busy. */
const WITHIN = 20_000;

const STUBBORN = [
  child('stubborn.js'),
  behindShell(child('stubborn.js')),
  child('stopped.sh'),
  child('leaves.sh'),
  child('ignoresEof.js'),
];

interface Supervisor {
  readonly running: Running;
  readonly pids: readonly number[];
  readonly guardian: number;
}

/** Starts a process that starts others. After the test nothing with its marker is left. */
async function supervisor(
  marker: string,
  commands: readonly (readonly string[])[],
  then: 'stay' | 'untold' | 'return' | 'exit' = 'stay',
  prefix: readonly string[] = [],
): Promise<Supervisor> {
  onTestFinished(() => killAll(marker));
  const args = [FIXTURE, built.importUrl('stdio/launcher.js'), marker, then, JSON.stringify(commands)];
  const [file = '', ...rest] = [...prefix, process.execPath, ...args];
  const running = start(file, rest);
  const { pids, guardian } = JSON.parse(await running.line(/^\{"pids"/)) as { pids: number[]; guardian: number };
  return { running, pids, guardian };
}

function marked(marker: string): Promise<Orphan[]> {
  const marking = ourMarking(marker);
  if (marking === undefined) throw new Error('These tests need /proc');
  return findMarked({ marking, wanted: () => true });
}

async function killAll(marker: string): Promise<void> {
  for (const { pid } of await marked(marker)) process.kill(pid, 'SIGKILL');
  await until(async () => (await marked(marker)).length === 0, { what: 'nothing to be left' });
}

async function noneLeft(marker: string): Promise<void> {
  await until(async () => (await marked(marker)).length === 0, { within: WITHIN, what: 'nothing to be left' });
}

/** A process that is no child of a supervisor, killed after the test with its group. */
function bystander(command: string, args: readonly string[], env: Readonly<Record<string, string>>, uid?: number) {
  const options = { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore', detached: true } as const;
  const other: ChildProcess = spawn(command, args, uid === undefined ? options : { ...options, uid });
  const pid = other.pid ?? 0;
  const group = new ProcessGroup(pid);
  onTestFinished(async () => {
    group.signal('SIGKILL');
    await until(() => livingGroups()?.has(pid) === false, { what: `the end of group ${pid}` });
  });
  return pid;
}

test('after kill -9 of a supervisor the guardian ends its stubborn groups', async () => {
  const marker = freshMarker();
  const { running, guardian } = await supervisor(marker, STUBBORN);
  expect((await marked(marker)).length).toBeGreaterThanOrEqual(STUBBORN.length);
  running.kill('SIGKILL');
  await noneLeft(marker);
  await gone(guardian, WITHIN);
});

test.each([
  ['of which there was no time to tell it', 'untold', STUBBORN],
  ['that have left their groups', 'stay', [child('escapes.sh')]],
] as const)('nor is anybody left %s', async (_, then, commands) => {
  const marker = freshMarker();
  const { running, guardian } = await supervisor(marker, commands, then);
  expect((await marked(marker)).length).toBeGreaterThanOrEqual(commands.length);
  running.kill('SIGKILL');
  await noneLeft(marker);
  await gone(guardian, WITHIN);
});

test('whoever has left its group is not left by a process.exit either', async () => {
  const marker = freshMarker();
  const { running } = await supervisor(marker, [child('escapes.sh')], 'exit');
  expect(await running.exited()).toEqual({ code: 0, signal: null });
  await noneLeft(marker);
});

test('a guardian that is killed is replaced, and knows all groups', async () => {
  const marker = freshMarker();
  const { running, guardian } = await supervisor(marker, STUBBORN);
  process.kill(guardian, 'SIGKILL');
  const isGuardian = (pid: number) => processStat(pid)?.parent === running.child.pid && !pidsOf.has(pid);
  const pidsOf = new Set((await marked(marker)).map(({ pid }) => pid));
  const all = () => execFileSync('ps', ['-eo', 'pid='], { encoding: 'utf8' }).trim().split(/\s+/).map(Number);
  const next = await until(() => all().find((pid) => pid !== guardian && isGuardian(pid)), { within: WITHIN });
  expect(lives(guardian)).toBe(false);
  // It has read the list when it waits for more.
  await until(() => processStat(next)?.state === 'S', { what: 'the new guardian' });
  running.kill('SIGKILL');
  await noneLeft(marker);
});

describe('after kill -9 of a supervisor and its guardian', () => {
  test('the next start finds what is left, tells of it, and ends it', async () => {
    const marker = freshMarker();
    const { running, guardian } = await supervisor(marker, [...STUBBORN, child('escapes.sh')]);
    process.kill(guardian, 'SIGSTOP'); // so that it can't be replaced in between
    running.kill('SIGKILL');
    process.kill(guardian, 'SIGKILL');
    await running.exited();
    await gone(guardian);
    const left = await until(
      async () => {
        const found = await marked(marker);
        return found.length >= STUBBORN.length && found;
      },
      { what: 'processes that are left' },
    );
    const next = await supervisor(marker, [child('deaf.sh')]);
    const { log } = JSON.parse(await next.running.line(/orphans\.ended/, WITHIN)) as { log: LogEntry };
    expect(log).toMatchObject({ level: 'info', message: expect.stringContaining(`${left.length} processes`) });
    const told = next.running.lines(/orphans\.found/).map((line) => JSON.parse(line).log as LogEntry);
    expect(told[0]).toMatchObject({ level: 'warn', message: expect.stringContaining(`by ${running.child.pid}`) });
    expect((told[0]?.['pids'] as number[] | undefined)?.sort()).toEqual(left.map(({ pid }) => pid).sort());
    // Its own child is none.
    expect((await marked(marker)).map(({ pid }) => pid)).toEqual(next.pids);
  });

  test('what belongs to others stays, whatever it looks like', async () => {
    const marker = freshMarker();
    const marking = ourMarking(marker);
    if (marking === undefined) throw new Error('These tests need /proc');
    const { owner } = marking;
    const dead = { ...owner, startTime: String(Number(owner.startTime) - 1) };
    const orphaned = markerOf(dead, 'key');
    const second = await supervisor(marker, [child('deaf.sh')]);
    const sleep: [string, string[]] = ['sleep', ['300']];
    const stay = {
      'a living second supervisor': second.pids[0] ?? 0,
      'our own': bystander(...sleep, { [marker]: markerOf(owner, 'key') }),
      'another start of the machine': bystander(...sleep, {
        [marker]: markerOf({ ...dead, boot: '00000000-0000-0000-0000-000000000000' }, 'key'),
      }),
      'another namespace': bystander(...sleep, { [marker]: markerOf({ ...dead, namespace: '1' }, 'key') }),
      'the text in an argument': bystander('sh', ['-c', 'sleep 300; :', `${marker}=${orphaned}`], {}),
      'the text in another variable': bystander(...sleep, { OTHER: `${marker}=${orphaned}` }),
      'a longer name': bystander(...sleep, { [`X${marker}`]: orphaned, [`${marker}X`]: orphaned }),
      'no such value': bystander(...sleep, { [marker]: `${orphaned} ` }),
      "another version's value": bystander(...sleep, { [marker]: orphaned.replace(/^1:/, '2:') }),
      ...(process.getuid?.() === 0 && {
        "another user's": bystander(...sleep, { [marker]: orphaned }, 65_534),
      }),
    };
    const orphan = bystander(...sleep, { [marker]: orphaned });
    const pids = [orphan, ...Object.values(stay)];
    await until(() => pids.every((pid) => environmentVariable(pid, 'PATH') !== undefined), { what: 'all to run' });
    const log: LogEntry[] = [];
    await endOrphans(marking, SYSTEM_CLOCK, (entry) => log.push(entry));
    expect(log.map(({ event }) => event)).toEqual(['orphans.found', 'orphans.ended']);
    expect(log[0]?.['pids']).toEqual([orphan]);
    expect(lives(orphan)).toBe(false);
    expect(Object.entries(stay).filter(([, pid]) => !lives(pid))).toEqual([]);
  });
});

describe('a supervisor that ends by itself', () => {
  test('is not kept alive by its guardian, which goes with it', async () => {
    const marker = freshMarker();
    const { running, guardian } = await supervisor(marker, [child('echo.js')].map(greeting), 'return');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    await gone(guardian);
    await noneLeft(marker);
  });

  test('by process.exit leaves what it started to its guardian', async () => {
    const marker = freshMarker();
    const { running, guardian } = await supervisor(marker, STUBBORN, 'exit');
    expect(await running.exited()).toEqual({ code: 0, signal: null });
    await noneLeft(marker);
    await gone(guardian, WITHIN);
  });
});

/** The same, and it says something first. */
function greeting(command: readonly string[]): string[] {
  return ['sh', '-c', 'echo ready; exec "$@"', 'sh', ...command];
}

test('as PID 1, which is given zombies that it never asks for, groups are empty and nothing is left', async () => {
  const unshare = ['unshare', '--pid', '--fork', '--mount-proc'];
  try {
    execFileSync('unshare', [...unshare.slice(1), 'true'], { stdio: 'ignore' });
  } catch {
    console.log('Not tested: there can be no namespace of processes here');
    expect(process.getuid?.()).not.toBe(0);
    return;
  }
  const marker = freshMarker();
  // A grandchild that outlives the leader becomes a child of PID 1, and a zombie when it ends.
  const orphaning = ['sh', '-c', 'sleep 0.3 & echo ready; exec cat'];
  const { running } = await supervisor(marker, [orphaning, orphaning], 'return', unshare);
  expect(await running.exited(WITHIN)).toEqual({ code: 0, signal: null });
  expect(running.lines(/"emptied"/)).toHaveLength(2);
});

const SHELLS = ['dash', 'bash', 'busybox'].flatMap((shell) => {
  const path = ['/bin', '/usr/bin'].map((folder) => `${folder}/${shell}`).find((each) => existsSync(each));
  return path === undefined ? [] : [[shell, path] as const];
});

describe.each(SHELLS)('the script in %s', (shell, path) => {
  /** Told so at its end; resolves when it has ended. */
  async function told(lines: string): Promise<void> {
    const args = shell === 'busybox' ? ['sh', '-c', GUARDIAN_SCRIPT] : ['-c', GUARDIAN_SCRIPT];
    const guardian = spawn(path, args, { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
    onTestFinished(() => void guardian.kill('SIGKILL'));
    guardian.stdin?.end(lines);
    await until(() => guardian.exitCode !== null, { within: WITHIN, what: 'the end of the guardian' });
  }

  test('ends what is on its list alone, and never another process with the same number', async () => {
    const script = "trap '' TERM; while :; do sleep 1; done";
    const [listed, removed, other, nameless] = [1, 2, 3, 4].map(() => bystander('sh', ['-c', script], {}));
    const of = (pid: number | undefined) => new ProcessGroup(pid ?? 0).startTime;
    const lines = [
      `+ ${listed} ${of(listed)}`,
      `+ ${removed} ${of(removed)}`,
      `+ ${other} ${Number(of(other)) + 1}`,
      `+ ${nameless} -`,
      `- ${removed} `,
      `+ ${2 ** 22} 1`,
      '',
    ];
    await told(lines.join('\n'));
    expect([listed, removed, other, nameless].map((pid) => lives(pid ?? 0))).toEqual([false, true, true, false]);
    for (const pid of [removed, other]) process.kill(-(pid ?? 0), 'SIGKILL');
  });

  test('ends at once with nothing on its list', async () => {
    const begun = performance.now();
    await told('+ 4194304 1\n- 4194304\n');
    expect(performance.now() - begun).toBeLessThan(900);
  });
});

test('a guardian does not go by SIGTERM, SIGINT or SIGHUP, which a whole unit or terminal may be sent', async () => {
  const guardian = new Guardian();
  guardian.acquire(() => {});
  guardian.prepare();
  const pid = guardian.pid ?? 0;
  // It can be told apart from a shell that has not come to its trap by waiting for input.
  await until(() => processStat(pid)?.state === 'S', { what: 'the guardian' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
  const group = bystander('sleep', ['300'], {});
  guardian.add(new ProcessGroup(group));
  guardian.release();
  await gone(group, WITHIN);
  await gone(pid, WITHIN);
  expect(guardian.pid).toBeUndefined();
});
