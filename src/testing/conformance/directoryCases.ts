/** The contract of a directory: which lives go on, for how long, and that none comes again. */
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { type DirectoryCases, LONG, SHORT } from './directorySubject.ts';

/** How many lives a directory tells at most. */
const MAX_LIVES = 1_000;

export const DIRECTORY_CASES: DirectoryCases = {
  'finds a life that has joined, by its id and by the name of its node': async (subject) => {
    const lives = [await subject.join('a'), await subject.join('b')];
    for (const life of lives) await subject.expectLiving(life);
  },

  'knows nothing of lives and nodes that never joined': async (subject) => {
    const { directory } = subject;
    const joined = await subject.join('a');
    const { id, node } = subject.life('b');
    const ids = [id, `${joined.id}0`, joined.id.slice(0, -1), `${joined.node}#`, joined.node, '', '#', '__proto__#1'];
    for (const other of ids) {
      strictEqual(await directory.find(other), undefined, `${other} never joined`);
      strictEqual(await directory.renew(other, LONG), 'gone', `${other} never joined, and was renewed`);
      await directory.leave(other);
    }
    for (const other of [node, `${joined.node}0`, '', '__proto__', 'constructor']) {
      strictEqual(await directory.named(other), undefined, `${other} never joined`);
    }
    await subject.expectLiving(joined);
  },

  'lets no second life begin while one of its node goes on': async (subject) => {
    const first = await subject.join('a');
    const second = subject.life('a');
    strictEqual(await subject.other.join(second, LONG), 'taken');
    await subject.expectOver(second);
    await subject.expectLiving(first);
    await subject.join('b');
  },

  'lets one begin of those that join at once under one name': async (subject) => {
    for (let n = 0; n < 10; n++) {
      const lives = Array.from({ length: 5 }, () => subject.life(n));
      const verdicts = await Promise.all(lives.map((life) => subject.directory.join(life, LONG)));
      deepStrictEqual(verdicts.toSorted(), ['joined', 'taken', 'taken', 'taken', 'taken']);
      for (const [at, life] of lives.entries()) {
        if (verdicts[at] === 'joined') await subject.expectLiving(life);
        else await subject.expectOver(life);
      }
    }
  },

  'keeps nodes apart whose names are alike': async (subject) => {
    const names = ['a', 'A', 'a_', 'a-', '_a', 'aa', '0', '00', 'x'.repeat(24)];
    const lives = await Promise.all(names.map((name) => subject.join(name)));
    for (const life of lives) await subject.expectLiving(life);
    await subject.directory.leave(lives[0]?.id ?? '');
    for (const life of lives.slice(1)) await subject.expectLiving(life);
  },

  'ends a life when its lease has run out, and its name is free then': async (subject) => {
    const first = await subject.join('a', SHORT);
    await subject.outlive(first, SHORT);
    await subject.expectOver(first);
    strictEqual(await subject.directory.named(first.node), undefined);
    await subject.expectLiving(await subject.join('a'));
    await subject.expectOver(first);
  },

  'has a life go on from its renewal, as long as that says': async (subject) => {
    const short = await subject.join('short', SHORT);
    const life = await subject.join('a', SHORT);
    strictEqual(await subject.directory.renew(life.id, LONG), 'renewed');
    await subject.outlive(short, SHORT);
    await subject.expectLiving(life);
    strictEqual(await subject.other.renew(life.id, SHORT), 'renewed');
    await subject.outlive(life, SHORT);
    await subject.expectOver(life);
  },

  'never takes up again a life that is over': async (subject) => {
    const { directory } = subject;
    const first = await subject.join('a', SHORT);
    await subject.outlive(first, SHORT);
    strictEqual(await directory.renew(first.id, LONG), 'gone');
    await subject.expectOver(first);
    const second = await subject.join('a');
    strictEqual(await directory.renew(first.id, LONG), 'gone');
    await directory.leave(first.id);
    await subject.expectOver(first);
    await subject.expectLiving(second);
  },

  'ends a life that leaves, and no other': async (subject) => {
    const { directory } = subject;
    const [leaving, staying] = [await subject.join('a'), await subject.join('b')];
    await directory.leave(leaving.id);
    await directory.leave(leaving.id);
    await subject.expectOver(leaving);
    strictEqual(await directory.renew(leaving.id, LONG), 'gone');
    await subject.expectLiving(staying);
    await subject.expectLiving(await subject.join('a'));
  },

  'gives copies: what is done with a life changes nothing': async (subject) => {
    const { directory } = subject;
    const life = subject.life('a');
    const given = { ...life };
    await directory.join(given, LONG);
    given.url = 'http://changed';
    await subject.expectLiving(life);
    const told = [await directory.find(life.id), await directory.named(life.node), ...(await directory.lives())];
    for (const each of told) Object.assign(each ?? {}, { url: 'http://changed' });
    await subject.expectLiving(life);
  },

  'tells all lives, and 1 000 at most': async (subject) => {
    const { directory } = subject;
    const lives = await Promise.all(Array.from({ length: 50 }, (_, n) => subject.join(n)));
    const ids = async () => new Set((await directory.lives()).map(({ id }) => id));
    const some = await ids();
    for (const { id } of lives) ok(some.has(id), `${id} is not among all lives`);
    await Promise.all(Array.from({ length: MAX_LIVES }, (_, n) => subject.join(50 + n)));
    strictEqual((await directory.lives()).length, MAX_LIVES);
    strictEqual((await ids()).size, MAX_LIVES);
  },

  'rejects whatever it is asked after it was closed, and may be closed twice': async (subject) => {
    const { directory } = subject;
    const life = await subject.join('a');
    await Promise.all([directory.close(), directory.close()]);
    await directory.close();
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      join: () => directory.join(subject.life('b'), LONG),
      renew: () => directory.renew(life.id, LONG),
      leave: () => directory.leave(life.id),
      find: () => directory.find(life.id),
      named: () => directory.named(life.node),
      lives: () => directory.lives(),
    };
    for (const [name, run] of Object.entries(operations)) {
      await rejects(
        async () => run(),
        () => true,
        `${name} was answered by a directory that is closed`,
      );
    }
  },
};
