/** The folder: only its owner can read it, and what a crash of the machine left in it is not trusted. */
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLmdbStores, type LmdbStoresOptions } from 'mcp-session-supervisor/lmdb';
import { describe, expect, test } from 'vitest';
import { sessionRecord } from '../stores/sessionRecords.ts';
import { freshPath, stores } from './folders.ts';

const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);
const dataIn = (path: string) => readdirSync(path).filter((name) => name.startsWith('data-'));

describe('who may look into it', () => {
  test('nobody but its owner, where it is made', async () => {
    const path = join(await freshPath(), 'deep', 'down');
    await stores(path).sessionStore.count();
    expect(await modeOf(path)).toBe('700');
    expect(await modeOf(join(path, dataIn(path)[0] ?? ''))).toBe('700');
  });

  test('nor where it was there, and empty or ours', async () => {
    const path = await freshPath();
    await mkdir(path, { mode: 0o755 });
    const first = stores(path);
    await first.sessionStore.count();
    expect(await modeOf(path)).toBe('700');
    await first.close();
    await chmod(path, 0o755);
    await stores(path).sessionStore.count();
    expect(await modeOf(path)).toBe('700');
  });

  test.each([
    ['that holds something else', 0o755, 'file'],
    ['that belongs to everybody', 0o1777, undefined],
  ])('a folder %s is refused, and left as it is', async (_, mode, file) => {
    const path = await freshPath();
    await mkdir(path);
    await chmod(path, mode);
    if (file !== undefined) await writeFile(join(path, file), '');
    await expect(stores(path).sessionStore.count()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(`a folder of their own`),
    });
    expect(await modeOf(path)).toBe(mode.toString(8));
    expect(dataIn(path)).toEqual([]);
  });

  test.runIf(existsSync('/proc'))('where no folder can be made it is an error, at once', async () => {
    await expect(stores('/proc/sessions/deep').sessionStore.count()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('what is no folder is an error', async () => {
    const path = await freshPath();
    await writeFile(path, '');
    await expect(stores(path).sessionStore.count()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});

describe('after the machine has started anew', () => {
  const ANOTHER_START = 'data-00000000-0000-4000-8000-000000000000';

  /** A folder with one session in it, as if an earlier start of the machine had left it so. */
  async function left(durability: 'process' | 'power', closed: boolean): Promise<string> {
    const path = await freshPath();
    const first = stores(path, { durability });
    await first.sessionStore.create(sessionRecord('id'));
    const [data = ''] = dataIn(path);
    const mark = await readFile(join(path, data, 'open'), 'utf8');
    expect(mark).toBe(durability);
    await first.close();
    expect(existsSync(join(path, data, 'open'))).toBe(false);
    if (!closed) await writeFile(join(path, data, 'open'), mark);
    await rename(join(path, data), join(path, ANOTHER_START));
    return path;
  }

  test.each([
    ['process', true, 'found'],
    ['process', false, 'gone'],
    ['power', true, 'found'],
    ['power', false, 'found'],
  ] as const)('durability %s, closed: %s: a session is %s', async (durability, closed, verdict) => {
    const path = await left(durability, closed);
    const { sessionStore } = stores(path);
    expect(await sessionStore.load('id')).toMatchObject({ verdict });
    // What can't be trusted is not kept either.
    expect(dataIn(path)).toHaveLength(1);
    expect(dataIn(path)).not.toContain(ANOTHER_START);
  });

  test('two that come at once find the same', async () => {
    const path = await left('process', true);
    const first = stores(path);
    const second = stores(path);
    const loads = [first, second].map(({ sessionStore }) => sessionStore.load('id'));
    expect(await Promise.race(loads)).toMatchObject({ verdict: 'found' });
    await first.close();
    const settled = await Promise.allSettled(loads);
    expect(settled[1]).toMatchObject({ value: { verdict: 'found' } });
  });
});

describe('what is refused', () => {
  test.each([
    [{}, 'INVALID_OPTION', 'path must be the path of a folder; got undefined'],
    [{ path: '' }, 'INVALID_OPTION', 'path must be the path of a folder; got ""'],
    [{ path: 'a', durability: 'none' }, 'INVALID_OPTION', "durability must be 'process' or 'power'; got \"none\""],
    [
      { path: 'a', shutdownTimeout: Infinity },
      'INVALID_OPTION',
      'shutdownTimeout must be a positive number of ms, below 2^31; got Infinity',
    ],
    [{ path: 'a', maxSize: 5 }, 'INVALID_OPTION', 'maxSize must be a number of bytes, from 1 MiB to 16 TiB; got 5'],
    [
      { path: 'a', maxSize: Infinity },
      'INVALID_OPTION',
      'maxSize must be a number of bytes, from 1 MiB to 16 TiB; got Infinity',
    ],
    [{ path: 'a', events: { maxAge: 0 } }, 'INVALID_OPTION', 'maxAge must be a positive number, or Infinity; got 0'],
    [
      { path: 'a', maxEvents: 5 },
      'UNKNOWN_OPTION',
      'There is no option maxEvents; there are path, durability, shutdownTimeout, maxSize, events',
    ],
  ])('%j', (options, code, message) => {
    expect(() => createLmdbStores(options as LmdbStoresOptions)).toThrow(expect.objectContaining({ code, message }));
  });
});

describe('files that LMDB can’t open are an error, and stay as they are', () => {
  test.each(['x'.repeat(100_000), 'x', '\0'.repeat(8_192)])('a database that is none: %j', async (content) => {
    const path = await freshPath();
    const first = stores(path);
    await first.sessionStore.count();
    await first.close();
    const file = join(path, dataIn(path)[0] ?? '', 'data.mdb');
    await writeFile(file, content);
    const { sessionStore } = stores(path);
    for (let n = 0; n < 2; n++) await expect(sessionStore.count()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await readFile(file, 'utf8')).toBe(content);
  });

  test('a lock that is none', async () => {
    const path = await freshPath();
    const first = stores(path);
    await first.sessionStore.count();
    await first.close();
    const lock = join(path, dataIn(path)[0] ?? '', 'lock.mdb');
    await rm(lock);
    await mkdir(lock);
    await expect(stores(path).sessionStore.count()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('an empty file is begun', async () => {
    const path = await freshPath();
    const first = stores(path);
    await first.sessionStore.create(sessionRecord('id'));
    await first.close();
    const folder = join(path, dataIn(path)[0] ?? '');
    await writeFile(join(folder, 'data.mdb'), '');
    expect(await stores(path).sessionStore.count()).toEqual({ sessions: 0, parked: 0 });
  });
});

test('nothing is opened until it is used', async () => {
  const path = await freshPath();
  const { close } = stores(path);
  expect(existsSync(path)).toBe(false);
  await close();
  expect(existsSync(path)).toBe(false);
});
