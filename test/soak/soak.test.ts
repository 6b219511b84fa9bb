/**
 * Case 69: hundreds of sessions are opened, used and left, some with their processes taken away, and the command is killed
 * and started again in between. Afterwards it holds what it held before. `SEED=7` repeats the choices of a run, though not
 * its moments; `SESSIONS=5000` makes it a longer one.
 */
import { setTimeout as passing } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { random } from '../../src/testing/random.ts';
import { useCommand } from '../cli/command.ts';
import { MortalServer } from '../processes/mortalServer.ts';
import { ended, Family } from '../servers/served.ts';
import { until } from '../support/until.ts';
import { gaugedAs, gaugedCommand, gaugedIdle } from './gauged.ts';
import { FATES, type Fate, Visit } from './visit.ts';

const built = useCommand();
const SERVER = fileURLToPath(new URL('./fixtures/server.sh', import.meta.url));

const SESSIONS = Number(process.env['SESSIONS'] ?? 500);
/** The command is killed when so many sessions were begun: the last time early enough for a leak to show after it. */
const KILLS = [0.16, 0.36].map((part) => Math.floor(part * SESSIONS));
const WORKERS = 16;
const WARM = 2;

/** How much more may be held when hundreds of sessions have been there, in bytes: V8 fills what it has been given. */
const MORE_HEAP = 6 * 2 ** 20;
const MORE_RSS = 48 * 2 ** 20;

const FLAGS = [
  ...['--session-idle-timeout', '3s', '--shutdown-timeout', '4s', '--http-keep-alive-timeout', '1s'],
  ...['--max-sessions', '300', '--warm', `${WARM}`],
];

const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

test(`${SESSIONS} sessions leave nothing`, { timeout: 60_000 + SESSIONS * 400 }, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const chance = random(seed);
  const gauged = gaugedCommand(built);
  const command = { ...gauged, run: (args: readonly string[]) => gauged.run(args, { onEnd: (end) => ends.push(end) }) };
  const server = new MortalServer(command, [...FLAGS, '--', 'sh', SERVER]);
  const families: Family[] = [];
  const start = async () => {
    await server.start();
    families.push(new Family(server.process.child.pid ?? 0));
  };
  const family = () => families.at(-1) as Family;

  const seen = Object.fromEntries(Object.keys(FATES).map((fate) => [fate, 0])) as Record<Fate, number>;
  let begun = 0;
  let cut = 0;
  const failures: unknown[] = [];
  const visit = async (fate: Fate) => {
    begun++;
    if (await new Visit(server, chance).take(fate)) seen[fate]++;
    else cut++;
  };
  /** Visits at a time, while that is so. */
  const visits = async (goOn: () => boolean) => {
    const work = async () => {
      while (goOn() && failures.length === 0) await visit(someFate(chance()));
    };
    const failed = (error: unknown) => void failures.push(error);
    await Promise.all(Array.from({ length: WORKERS }, () => work().catch(failed)));
  };
  /** Nothing is left but what is kept ready. */
  const calm = () => family().count(WARM, 30_000);

  await start();
  for (const [n, kill] of KILLS.entries()) {
    let goesOn = true;
    const visiting = visits(() => goesOn);
    await until(() => begun >= kill || failures.length > 0, { within: 60_000, what: `${kill} sessions` });
    await passing(chance() * 600); // at any moment: nothing is awaited by that time
    const dying = family();
    const members = await dying.members();
    const guardian = dying.guardian() ?? 0;
    const isAlone = n % 2 === 1;
    // One that is stopped can't be replaced in between.
    if (isAlone) process.kill(guardian, 'SIGSTOP');
    await server.kill();
    if (isAlone) process.kill(guardian, 'SIGKILL');
    await start();
    goesOn = false;
    await visiting;
    expect(failures, server.complaints.slice(-4_000)).toEqual([]);
    expect(await dying.gone(30_000), isAlone ? 'left to the next start' : 'left to the guardian').toEqual([]);
    await ended(guardian);
    console.log(`killed with ${members.length} processes${isAlone ? ', and its guardian' : ''}: none is left`);
  }

  // Every way once, so that all that is made once is there.
  for (const fate of Object.keys(FATES) as Fate[]) await visit(fate);
  await calm();
  const before = await gaugedIdle(server.process);
  const since = begun;
  await visits(() => begun < SESSIONS);
  expect(failures, server.complaints.slice(-4_000)).toEqual([]);
  await calm();
  const after = await gaugedAs(server.process, before);
  console.log(JSON.stringify({ sessions: begun, cut, ...seen }));
  console.log(JSON.stringify({ sessions: begun - since, before, after }));
  expect(after.heapUsed - before.heapUsed).toBeLessThan(MORE_HEAP);
  expect(after.rss - before.rss).toBeLessThan(MORE_RSS);
  // All that could happen did.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);

  const guardian = family().guardian();
  expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await family().gone()).toEqual([]);
  await ended(guardian ?? 0);
});

function someFate(chance: number): Fate {
  const fates = Object.entries(FATES) as [Fate, number][];
  const all = fates.reduce((sum, [, share]) => sum + share, 0);
  let rest = chance * all;
  const found = fates.find(([, share]) => {
    rest -= share;
    return rest < 0;
  });
  return found?.[0] ?? 'delete';
}
