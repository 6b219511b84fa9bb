/** Handles that requests without sessions and sessions use at once, each by the context that its tool handler was given. */
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { HandleOptions, Handles } from '../../src/index.ts';
import { type ServeOptions, serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { ask, modernHeaders, textOf, toolBody } from './modernServer.ts';

const IDLE = 60_000;
const POST = { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' };
const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });

interface Thing {
  readonly principal: string | undefined;
}

/** A server of both eras whose tools create, use and end things. */
async function serveThings(given: Partial<HandleOptions<Thing>> = {}, options: ServeOptions = {}) {
  const clock = new SimulatedClock();
  const closed: string[] = [];
  let things: Handles<Thing>;
  const served = await serve({
    modern: 'serve',
    clock,
    keepAliveInterval: Number.POSITIVE_INFINITY,
    principal: ({ headers }) => headers['x-user'] as string | undefined,
    server: ({ serverOptions }) => {
      const server = new McpServer({ name: 'things', version: '1.0.0' }, { ...serverOptions });
      const id = z.string();
      server.registerTool('create', {}, async (ctx) => said(await things.create(ctx)));
      server.registerTool('end', { inputSchema: z.object({ id }) }, async (args, ctx) => {
        await things.end(args.id, ctx);
        return said('ended');
      });
      server.registerTool('use', { inputSchema: z.object({ id, key: z.string() }) }, (args, ctx) =>
        things.use(args.id, ctx, async ({ principal }, { signal }) => {
          await served.gates.pass(args.key, AbortSignal.any([signal, ctx.mcpReq.signal]));
          return said(`used ${principal}'s`);
        }),
      );
      return server;
    },
    ...options,
  });
  things = served.supervisor.handles<Thing>('thing', {
    open: ({ principal }) => ({ principal }),
    close: (_, { id, reason }) => void closed.push(`${id} ${reason}`),
    idleTimeout: IDLE,
    ...given,
  });
  const { sessionId } = await initialize(served.url, { headers: { 'x-user': 'ada' } });
  let calls = 0;
  const modern = (name: string, args: Record<string, unknown> = {}, user = 'ada') =>
    ask(served.url, toolBody(name, args), { 'x-user': user }).then(textOf);
  const inSession = (name: string, args: Record<string, unknown> = {}) =>
    call(served.url, sessionId, name, args, ++calls, { 'x-user': 'ada' }).then(textOf);
  const only = () => [...served.supervisor.openHandles()][0];
  return { ...served, clock, closed, inSession, modern, only };
}

describe('uses of both eras overlap', () => {
  test.each([
    ['a session’s', 'a'],
    ['the other’s', 'b'],
  ])('and no idle timer runs until the last is over, here %s', async (_, first) => {
    const { clock, gates, inSession, modern, only } = await serveThings();
    const id = await modern('create');
    const uses = [inSession('use', { id, key: 'a' }), modern('use', { id, key: 'b' })];
    await Promise.all([gates.entered('a'), gates.entered('b')]);
    expect(only()).toMatchObject({ state: 'active', inFlight: 2 });
    clock.increment(2 * IDLE);
    gates.open(first);
    await until(() => only()?.inFlight === 1);
    clock.increment(2 * IDLE);
    gates.openAll();
    expect(await Promise.all(uses)).toEqual(["used ada's", "used ada's"]);
    await until(() => only()?.state === 'idle');
    clock.increment(IDLE - 1);
    expect(await inSession('use', { id, key: 'b' })).toBe("used ada's");
    await until(() => only()?.state === 'idle');
    clock.increment(IDLE);
    await until(() => only() === undefined);
  });

  test('and an end by one era aborts the uses of both, before it is closed', async () => {
    const { closed, gates, inSession, modern } = await serveThings();
    const id = await inSession('create');
    const uses = [inSession('use', { id, key: 'a' }), modern('use', { id, key: 'b' })];
    await Promise.all([gates.entered('a'), gates.entered('b')]);
    expect(await modern('end', { id })).toBe('ended');
    for (const answer of await Promise.all(uses)) expect(answer).toContain('abort');
    await until(() => closed.length === 1);
    expect(closed).toEqual([`${id} deleted`]);
  });
});

test('foreign, ended and unknown are one and the same, in both eras', async () => {
  const { gates, inSession, modern } = await serveThings();
  gates.open('a');
  const [foreign, ended] = [await modern('create', {}, 'bob'), await modern('create')];
  expect(await inSession('end', { id: ended })).toBe('ended');
  const told: string[] = [];
  for (const id of [foreign, ended, 'f'.repeat(32)]) {
    told.push(await modern('use', { id, key: 'a' }), await inSession('use', { id, key: 'a' }));
  }
  expect(new Set(told)).toEqual(
    new Set(['There is no thing with this id, or there is none any more. Create a new one and use its id.']),
  );
  expect(await modern('use', { id: foreign, key: 'a' }, 'bob')).toBe("used bob's");
});

test('a cap counts those of both eras; at it an idle one makes room, one in use does not', async () => {
  const { closed, gates, inSession, modern } = await serveThings({ maxHandles: 2 });
  const [first, second] = [await modern('create'), await inSession('create')];
  const uses = [inSession('use', { id: first, key: 'a' }), modern('use', { id: second, key: 'b' })];
  await Promise.all([gates.entered('a'), gates.entered('b')]);
  for (const create of [modern, inSession]) expect(await create('create')).toContain('thing');
  gates.open('a');
  expect(await uses[0]).toBe("used ada's");
  const third = await modern('create');
  await until(() => closed.length === 1);
  expect(closed).toEqual([`${first} evicted`]);
  gates.openAll();
  expect(await uses[1]).toBe("used ada's");
  expect(await inSession('use', { id: third, key: 'b' })).toBe("used ada's");
});

test('a client without a session that leaves during a use lets go of it', async () => {
  const { clock, gates, inSession, modern, only, url } = await serveThings();
  const id = await modern('create');
  const client = new AbortController();
  const body = toolBody('use', { id, key: 'gone' });
  const headers = { ...POST, ...modernHeaders(body), 'x-user': 'ada' };
  const leaving = fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: client.signal });
  const staying = inSession('use', { id, key: 'stays' });
  await Promise.all([gates.entered('gone'), gates.entered('stays')]);
  client.abort();
  await expect(leaving).rejects.toThrow('aborted');
  await until(() => only()?.inFlight === 1);
  clock.increment(2 * IDLE);
  gates.openAll();
  expect(await staying).toBe("used ada's");
  await until(() => only()?.state === 'idle');
});

test('a drain leaves uses of both eras their time, and closes when the last is over', async () => {
  const { closed, gates, inSession, modern, supervisor } = await serveThings({}, { shutdownTimeout: 60_000 });
  const id = await modern('create');
  const uses = [inSession('use', { id, key: 'a' }), modern('use', { id, key: 'b' })];
  await Promise.all([gates.entered('a'), gates.entered('b')]);
  const draining = supervisor.drain().then(() => 'drained');
  gates.open('a');
  expect(await uses[0]).toBe("used ada's");
  expect(closed).toEqual([]);
  gates.open('b');
  expect(await uses[1]).toBe("used ada's");
  expect(await until(draining)).toBe('drained');
  expect(closed).toEqual([`${id} drained`]);
});
