/** A claim that no test shows fails the run: that has to be shown too. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Claim, holes, type Outcome } from './claim.ts';

const OUTCOMES = new Map<string, Outcome[]>([
  ['test/a.test.ts > works', ['passed']],
  ['test/a.test.ts > host a.example is let in', ['passed']],
  ['test/a.test.ts > host b.example is let in', ['passed']],
  ['test/a.test.ts > breaks', ['failed']],
  ['test/a.test.ts > waits', ['skipped']],
  ['test/a.test.ts > hangs', ['pending']],
  ['test/a.test.ts > comes twice', ['passed', 'failed']],
  ['test/a.test.ts > Accept: */* (all)', ['passed']],
]);

const claim = (...names: string[]): Claim => ({ id: 'x', tests: names.map((name) => `test/a.test.ts > ${name}`) });

describe('a claim', () => {
  test.each([
    ['by its full name', 'works'],
    ['by a pattern, for all of its values', 'host * is let in'],
    ['whatever characters its name has', 'Accept: */* (all)'],
  ])('is shown by a test that passed, %s', (_, name) => {
    expect(holes([claim(name), { id: 'y', tests: [], notOurs: 'a reason' }], OUTCOMES)).toEqual([]);
  });

  test.each<[string, Claim, string]>([
    ['has no test', claim(), 'x: has no test'],
    [
      'names a test that does not exist',
      claim('works', 'work'),
      'x: there is no test "test/a.test.ts > work"; the nearest is "test/a.test.ts > works"',
    ],
    ['names part of a test', claim('host a.example'), 'x: there is no test "test/a.test.ts > host a.example"; the ne'],
    ['has a pattern that nothing is like', claim('host * is out'), 'x: there is no test "test/a.test.ts > host * is o'],
    ['has a pattern that is like a part', claim('a.example*'), 'x: there is no test "test/a.test.ts > a.example*"'],
    ['names a test that failed', claim('breaks'), 'x: the test "test/a.test.ts > breaks" did not pass: failed'],
    ['names a test that was skipped', claim('waits'), 'x: the test "test/a.test.ts > waits" did not pass: skipped'],
    ['names a test that never ended', claim('hangs'), 'x: the test "test/a.test.ts > hangs" did not pass: pending'],
    ['names two tests, one of which failed', claim('comes twice'), 'x: the test "test/a.test.ts > comes twice" did no'],
    ['has a pattern, one of whose tests failed', claim('*'), 'x: the test "test/a.test.ts > breaks" did not pass'],
    ['is not ours, for no reason', { id: 'x', tests: [], notOurs: '' }, 'x: says that it is not ours'],
    ['is not ours, and has tests', { ...claim('works'), notOurs: 'a reason' }, 'x: says that it is not ours'],
  ])('that %s is a hole', (_, broken, problem) => {
    expect(holes([broken], OUTCOMES)).toEqual([expect.stringContaining(problem)]);
  });

  test('with the id of another one is a hole', () => {
    expect(holes([claim('works'), claim('works')], OUTCOMES)).toEqual(['x: has an id that another line has']);
  });

  test('is a hole when nothing ran', () => {
    expect(holes([claim('works')], new Map())).toEqual(['x: there is no test "test/a.test.ts > works"']);
  });
});

describe('a run of all tests', () => {
  test.each<[string, string[], number, RegExp]>([
    ['shows what it claims', ['works'], 0, /the claims: 1 shown, 0 not ours/],
    [
      'fails over a name that does not exist',
      ['works', 'bogus'],
      1,
      /1 not shown\s+line: there is no test ".*> bogus"/,
    ],
    [
      'fails over a test that was skipped',
      ['waits'],
      1,
      /1 not shown\s+line: the test ".*waits" did not pass: skipped/,
    ],
  ])('%s', async (_, names, exitCode, told) => {
    const run = await runVitest(names);
    expect(run.output).toMatch(told);
    expect(run.exitCode).toBe(exitCode);
  });

  test.each([
    ['files', 'one'],
    ['names', '--testNamePattern=works'],
  ])('alone is asked: not one of some %s', async (_, filter) => {
    const run = await runVitest(['bogus'], filter);
    expect(run.output).not.toContain('the claims');
    expect(run.output).toMatch(/Tests {2}1 passed/);
    expect(run.exitCode).toBe(0);
  });
});

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs Vitest over two small files of its own, with our reporter and one claim. */
async function runVitest(names: string[], ...args: string[]): Promise<{ exitCode: number; output: string }> {
  await mkdir(join(ROOT, '.artifacts'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.artifacts/claims-'));
  try {
    const tests = names.map((name) => `one.case.ts > ${name}`);
    const manifests = JSON.stringify({ 'the claims': [{ id: 'line', tests }] });
    const reporter = relative(folder, join(ROOT, 'test/requirements/reporter.ts'));
    await writeFile(
      join(folder, 'vitest.config.ts'),
      `import { ClaimsReporter } from '${reporter}';
       const reporters = ['default', new ClaimsReporter(${manifests})];
       export default { test: { include: ['*.case.ts'], pool: 'threads', reporters } };`,
    );
    const one = `import { test } from 'vitest'; test('works', () => {}); test.skip('waits', () => {});`;
    await writeFile(join(folder, 'one.case.ts'), one);
    await writeFile(join(folder, 'two.case.ts'), `import { test } from 'vitest'; test('goes on', () => {});`);
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const options = { cwd: folder, timeout: 15_000, env: { ...process.env, NO_COLOR: '1' } };
    return await new Promise((resolve) => {
      execFile(process.execPath, [vitest, 'run', '--root', folder, ...args], options, (error, out, err) => {
        resolve({ exitCode: error === null ? 0 : Number(error.code), output: out + err });
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
