/**
 * Clients that other people wrote use the command, which is killed and started again: with a session store in a folder none
 * of them has to be helped, and all go on in the session that they have. Without one they are broken, which shows that it
 * takes the store.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BuiltCommand, useCommand } from '../cli/command.ts';
import { MortalServer } from '../processes/mortalServer.ts';
import { CLIENTS } from './clientList.ts';
import { ClientProcess } from './clientProcess.ts';
import { type Counted, loseSessions, type Survived, surviveRestarts } from './restarts.ts';

/**
 * The SDKs' clients try twice to open their GET streams again, so the interval has to be longer than half the time for which
 * the server is away; a start takes its time where others are busy.
 */
const FLAGS = ['--resumable', '--retry-interval', '8s'];

const built = useCommand();
const FIXTURE = fileURLToPath(new URL('./fixtures/server.js', import.meta.url));

/** What is started ends when all tests have. */
const ends: (() => Promise<void>)[] = [];
let directory: string | undefined;
const command: BuiltCommand = {
  directory: '',
  importUrl: (file) => built.importUrl(file),
  module: (name, source) => built.module(name, source),
  run: (args) => built.run(args, { onEnd: (end) => ends.push(end) }),
};

const survived = new Map<string, Survived>();
const lost = new Map<string, readonly Counted[]>();

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clients-'));
  directory = folder;
  const clients = CLIENTS.map((client) => new ClientProcess(client, folder));
  ends.push(...clients.map((client) => () => client.end()));
  await Promise.all(clients.map((client) => client.ready()));
  const store = ['--session-store', join(folder, 'sessions')];
  const seen = await surviveRestarts(clients, new MortalServer(command, [FIXTURE, ...FLAGS, ...store]));
  const seenWithout = await loseSessions(clients, new MortalServer(command, [FIXTURE, ...FLAGS]));
  for (const [n, { name }] of CLIENTS.entries()) {
    survived.set(name, seen[n] as Survived);
    lost.set(name, seenWithout[n] ?? []);
  }
}, 240_000);

afterAll(async () => {
  try {
    await Promise.all(ends.map((end) => end()));
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
});

describe.each(CLIENTS)('$name', ({ name, cutOff, refused, hears, withoutStore }) => {
  test('goes on in its session after a kill -9, a drain, and 6 s without a server', () => {
    const { counts, tools } = survived.get(name) ?? {};
    expect(counts?.slice(0, 4)).toEqual([1, 2, 3, 4].map((count) => ({ count, epoch: count })));
    expect(tools).toEqual([
      ['count', 'announce', 'hang'],
      ['count', 'announce', 'hang'],
    ]);
  });

  test(`after a call that nobody took it ${refused}`, () => {
    expect(survived.get(name)?.refused).toContain('fetch failed');
    const next = refused === 'goes on' ? { count: 5, epoch: 5 } : { count: 1, epoch: 1 };
    expect(survived.get(name)?.counts[4]).toEqual(next);
  });

  test(`a call that was cut off ${cutOff}`, () => {
    const end = cutOff === 'fails' ? 'The server was restarted before it had answered' : 'hangs';
    expect(survived.get(name)?.cutOff).toContain(end);
  });

  test('hears what the server says by itself as often as docs/clients.md says', () => {
    const depends = Object.entries(hears).filter(([, expected]) => expected === undefined);
    const whatever = Object.fromEntries(depends.map(([when]) => [when, expect.any(Boolean)]));
    expect(survived.get(name)?.hears).toEqual({ ...hears, ...whatever });
  });

  test(`without a session store it ${withoutStore}`, () => {
    const [before, ...after] = lost.get(name) ?? [];
    expect(before).toEqual({ count: 1, epoch: 1 });
    if (withoutStore === 'begins anew') {
      expect(after).toEqual([
        { count: 1, epoch: 1 },
        { count: 2, epoch: 1 },
      ]);
    } else {
      expect(after).toEqual([expect.stringMatching(/Session not found/), expect.stringMatching(/not found|required/)]);
    }
  });
});
