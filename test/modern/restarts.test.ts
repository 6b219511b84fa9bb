/** Clients over a restart with another setting of `modern`, on the same port. docs/eras.md has as a table what they notice. */
import { describe, expect, test } from 'vitest';
import type { SessionStore } from '../../src/index.ts';
import type { ResolvedOptions } from '../../src/options.ts';
import { connectClient } from '../support/client.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { withTimeout } from '../support/until.ts';
import { connectV2, type Mode } from './clientsV2.ts';
import { MODERN, serveBoth } from './modernServer.ts';

type Modern = ResolvedOptions['modern'];

const UNSUPPORTED = { code: -32000, message: expect.stringMatching(/^Unsupported protocol version/) };
const SESSION_LOST = { status: 404, message: expect.stringContaining('"code":-32001,"message":"Session not found"') };

/** Tries that a connection fails which the server has closed with its process, before the client has noticed. */
const TRIES = 10;

/** What comes of a call over HTTP, by a client that may find its old connection closed first. Never hangs. */
async function seen(call: () => Promise<unknown>): Promise<unknown> {
  for (let n = 1; ; n++) {
    try {
      return await withTimeout(call());
    } catch (error) {
      if (n === TRIES || !(error instanceof TypeError && error.message === 'fetch failed')) return told(error);
    }
  }
}

/** An error as the client has it, whichever of its kinds. */
function told(error: unknown): object {
  const { code, message, data } = error as Error & { code?: unknown; data?: { status?: number } };
  // SDK v1 has the status as its code.
  const status = data?.status ?? (typeof code === 'number' && code > 0 ? code : undefined);
  return { code, message, ...(status !== undefined && { status }) };
}

/** Clients of all kinds, with a call each, at a server that is started again with another setting. */
async function restarted(from: Modern, to: Modern, sessionStore?: SessionStore) {
  const start = (modern: Modern, port?: number) => serveBoth({ modern, sessionStore, port });
  const first = await start(from);
  const { url } = first;
  const [v1, legacy, auto] = [await connectClient(url), await connectV2(url, 'legacy'), await connectV2(url, 'auto')];
  const pinned = from === 'serve' ? await connectV2(url, { pin: MODERN }) : undefined;
  const echoes = {
    v1: (text: string) => v1.call('echo', { text }),
    legacy: legacy.echo,
    auto: auto.echo,
    ...(pinned && { pinned: pinned.echo }),
  };
  const all = async (text: string) => {
    const results = Object.entries(echoes).map(async ([name, echo]) => [name, await seen(() => echo(text))] as const);
    return Object.fromEntries(await Promise.all(results));
  };
  expect(new Set(Object.values(await all('before')))).toEqual(new Set(['before']));
  await first.close();
  const { supervisor } = await start(to, first.port);
  /** Another one, in a mode: which revision it speaks, and what its call comes to. */
  const anew = (mode: Mode, prior?: Parameters<typeof connectV2>[2]) =>
    seen(async () => {
      const { version, echo } = await connectV2(url, mode, prior);
      return { version, said: await echo('anew') };
    });
  const sessionIds = [v1.transport, legacy.transport, auto.transport].flatMap(({ sessionId }) => sessionId ?? []);
  const epochs = () => sessionIds.map((id) => supervisor.session(id)?.epoch);
  return { all, anew, epochs, discover: auto.client.getDiscoverResult(), stats: () => supervisor.stats() };
}

const STORED = [
  ['with a session store', true],
  ['without one', false],
] as const;

/** As a drain parks them there. */
const storeOf = (kept: boolean) => (kept ? controlledSessionStore({ durable: true }) : undefined);

describe.each(['refuse', 'off'] as const)("from 'serve' to '%s'", (to) => {
  test.each(STORED)('%s: who had no session is refused by name, at once and each time', async (_, kept) => {
    const { all, anew, epochs, discover, stats } = await restarted('serve', to, storeOf(kept));
    const session = kept ? 'after' : expect.objectContaining(SESSION_LOST);
    const none = expect.objectContaining(UNSUPPORTED);
    const after = { v1: session, legacy: session, auto: none, pinned: none };
    expect(await all('after')).toEqual(after);
    expect(await all('after')).toEqual(after); // nothing of the first answer has made it worse
    expect(epochs()).toEqual(kept ? [2, 2] : [undefined, undefined]);
    // What it was told before stands until it asks again, which `auto` does when it connects.
    expect(discover?.supportedVersions).toEqual([MODERN]);
    const prior = discover && ({ kind: 'modern', discover } as const);
    expect(await anew('auto', prior)).toEqual(none);
    expect(stats().opened).toBe(0);
    expect(await anew('auto')).toEqual({ version: '2025-11-25', said: 'anew' });
    expect(await anew({ pin: MODERN })).toMatchObject({ code: 'ERA_NEGOTIATION_FAILED' });
    expect(stats().opened).toBe(1);
  });
});

describe.each(['refuse', 'off'] as const)("from '%s' to 'serve'", (from) => {
  test.each(STORED)('%s: who had a session has it as before, if it is kept', async (_, kept) => {
    const { all, anew, epochs, discover, stats } = await restarted(from, 'serve', storeOf(kept));
    const session = kept ? 'after' : expect.objectContaining(SESSION_LOST);
    const after = { v1: session, legacy: session, auto: session };
    expect(await all('after')).toEqual(after);
    expect(await all('after')).toEqual(after);
    expect(epochs()).toEqual(kept ? [2, 2, 2] : [undefined, undefined, undefined]);
    expect(discover).toBeUndefined();
    expect(await anew('auto', { kind: 'legacy' })).toEqual({ version: '2025-11-25', said: 'anew' });
    expect(stats().opened).toBe(1);
    expect(await anew('auto')).toEqual({ version: MODERN, said: 'anew' });
    expect(await anew({ pin: MODERN })).toEqual({ version: MODERN, said: 'anew' });
    expect(stats().opened).toBe(1);
  });
});

test('who asks during a drain is told that it is one, and takes nobody for a server of sessions', async () => {
  const { url, supervisor, gates } = await serveBoth({ shutdownTimeout: 60_000 });
  const { call } = await connectV2(url, 'auto');
  const calling = call('gate', { key: 'a' });
  await gates.entered('a');
  const drained = supervisor.drain();
  expect(await seen(() => connectV2(url, 'auto'))).toMatchObject({ code: 'ERA_NEGOTIATION_FAILED', status: 503 });
  expect(await seen(() => connectV2(url, { pin: MODERN }))).toMatchObject({ status: 503 });
  gates.open('a');
  expect(await withTimeout(calling)).toBe('passed a');
  await withTimeout(drained);
  expect(supervisor.stats().opened).toBe(0);
});

test('who asks first when its principal has all that it may takes that for a server of sessions, and has one', async () => {
  const { url, supervisor, gates } = await serveBoth({ principal: () => 'ada', maxModernRequestsPerPrincipal: 1 });
  const pinned = await connectV2(url, { pin: MODERN });
  const calling = pinned.call('gate', { key: 'a' });
  await gates.entered('a');
  const { version, echo } = await connectV2(url, 'auto');
  expect({ version, said: await echo('a') }).toEqual({ version: '2025-11-25', said: 'a' });
  expect(supervisor.stats()).toMatchObject({ opened: 1, refused: { modernPrincipalFull: 1 } });
  gates.open('a');
  expect(await withTimeout(calling)).toBe('passed a');
});
