/**
 * kill −9 at any moment, under load: no session is lost, nor any state that was acknowledged; what was ended stays so; every
 * call that can be resumed is answered once; and nothing of before touches what came after. `SEED=7` repeats the choices
 * of a run, though not its moments.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { random } from '../../src/testing/random.ts';
import { useCommand } from '../cli/command.ts';
import { turns, until } from '../support/until.ts';
import { Life, type Seen } from './life.ts';
import { MortalServer } from './mortalServer.ts';

const command = useCommand();
const FIXTURE = fileURLToPath(new URL('./fixtures/server.js', import.meta.url));

const KILLS = Number(process.env['KILLS'] ?? 12);
/** Where others are busy there are fewer kills, in ms. */
const LONGEST = Math.max(30_000, KILLS * 2_000);
const SESSIONS = 300;
const LISTENERS = 40;
const WORKERS = 32;
const LATE = 10;
/** Fewer than there are: some are evicted, which parks them, when others are asked for. */
const MAX_SESSIONS = 200;

test('no kill loses a session or what was acknowledged, nor revives anything', {
  timeout: LONGEST + 120_000,
}, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const chance = random(seed);
  const directory = await mkdtemp(join(tmpdir(), 'kills-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const flags = [
    '--session-store',
    directory,
    '--resumable',
    '--park-after',
    '1s',
    '--max-sessions',
    `${MAX_SESSIONS}`,
  ];
  const server = new MortalServer(command, [FIXTURE, ...flags]);
  const seen: Seen = {
    answered: 0,
    resumed: 0,
    cutOff: 0,
    unknown: 0,
    asked: 0,
    stale: 0,
    announced: 0,
    heard: 0,
    deleted: 0,
    replayed: 0,
    orphans: 0,
  };
  const lives: Life[] = [];
  const failures: unknown[] = [];
  let over = false;

  const some = (from: readonly Life[]) => from[Math.floor(chance() * from.length)];
  const act = async (life: Life) => {
    const choice = chance();
    if (life.gone) return life.haunt(chance());
    if (choice < 0.4) return life.count();
    if (choice < 0.6) return life.count(chance() * 40, chance() * 40);
    if (choice < 0.72) return life.ask(chance() < 0.2);
    if (choice < 0.84) return life.revisit(chance());
    if (choice < 0.88) return life.trespass(some(lives.filter((other) => other !== life)) ?? life);
    if (choice < 0.92) return life.end();
    if (life.listens) return void (await life.announce());
    if (lives.filter(({ listens }) => listens).length < LISTENERS) life.listen();
  };
  const work = async () => {
    while (!over && failures.length === 0) {
      const isNew = lives.filter(({ gone }) => !gone).length < SESSIONS && (lives.length < WORKERS || chance() < 0.5);
      const life = isNew ? new Life(server, seen, `s${lives.length}`) : some(lives.filter(({ busy }) => !busy));
      if (life === undefined) {
        await turns(1);
        continue;
      }
      life.busy = true;
      if (isNew) {
        lives.push(life);
        await life.open();
      } else {
        await act(life);
      }
      if (life.failure !== undefined) throw life.failure;
      life.busy = false;
    }
  };

  /** Kills it when so much has happened, and at any moment after that; nothing is awaited by that time. */
  const killAtAnyMoment = async () => {
    const progress = () => seen.answered + lives.length;
    const enough = progress() + 30;
    await until(() => failures.length > 0 || progress() >= enough, {
      what: `progress from ${lives.length} sessions and ${JSON.stringify(seen)} on`,
      within: 20_000,
    });
    await passing(chance() * 600);
    await server.kill();
  };

  await server.start();
  const workers = Array.from({ length: WORKERS }, () => work().catch((error: unknown) => void failures.push(error)));
  const begun = performance.now();
  const hasTime = () => performance.now() - begun < LONGEST;
  for (let kills = 0; kills < KILLS && hasTime() && failures.length === 0; kills++) {
    await killAtAnyMoment();
    if (chance() < 0.25) {
      server.begin();
      await passing(chance() * 800);
      await server.kill();
    }
    await server.start();
  }
  over = true;
  // Some answer only when there is nobody any more who had asked.
  const idle = lives.filter(({ gone, busy }) => !gone && !busy).slice(0, LATE);
  const asked = seen.asked + idle.length;
  const late = idle.map((life) => life.ask(true).catch((error: unknown) => void failures.push(error)));
  await until(() => failures.length > 0 || seen.asked >= asked, { what: 'questions', within: 20_000 });
  await server.kill();
  await server.start();
  await Promise.all([...workers, ...late]);
  expect(failures, server.complaints.slice(-4_000)).toEqual([]);

  // What is left is as it has to be, all of it.
  const alive = lives.filter(({ gone }) => !gone);
  const verify = async (life: Life) => {
    if (life.gone) return life.haunt(chance());
    await life.count();
    await life.revisit(chance());
    if (!life.listens) return;
    const number = await life.announce();
    if (number !== undefined) await until(() => life.hasHeard(number), { what: 'an announcement', within: 10_000 });
    if (life.failure !== undefined) throw life.failure;
    life.stopListening();
  };
  const queue = [...lives];
  const verifying = Array.from({ length: WORKERS }, async () => {
    for (let life = queue.pop(); life !== undefined; life = queue.pop()) await verify(life);
  });
  await Promise.all(verifying);
  console.log(JSON.stringify({ sessions: alive.length, processes: server.generation, ...seen }));
  // All that could happen did.
  expect(Math.min(...Object.values({ ...seen, orphans: 1 }))).toBeGreaterThan(0);

  expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  await server.start();
  const [, found] = /found (\d+)$/.exec((await server.process.line(/^ {2}sessions /)) ?? '') ?? [];
  expect(Number(found)).toBeGreaterThanOrEqual(alive.length);
  expect(Number(found)).toBeLessThanOrEqual(alive.length + seen.orphans);
  await server.kill();
});
