/** What a drain does with handles: those that are used are waited for, all are closed, none is opened. */
import { describe, expect, test } from 'vitest';
import { turns, until, withTimeout } from '../support/until.ts';
import { actorsOf, getOf, open as openSession } from './astray/embedder.ts';
import { ANN, gate, NOT_FOUND, world } from './handleLife.ts';

const REFUSED = {
  code: 'HANDLE_NOT_OPENED',
  message: 'No browser can be created: the server is shutting down. Try again later.',
};

describe('a drain', () => {
  test('ends idle handles and waits for those that are used', async () => {
    const { create, use, made, supervisor, told, info } = world();
    const [idle, busy] = [await create(ANN), await create(ANN)];
    const held = gate();
    let signal: AbortSignal | undefined;
    const running = use(busy, ANN, (_, use) => {
      signal = use.signal;
      return held.opened;
    });
    let drained = false;
    const drain = supervisor.drain().then(() => {
      drained = true;
    });
    await turns(5);
    expect([made[0]?.closed, made[1]?.closed, signal?.aborted, drained]).toEqual([['drained'], [], false, false]);
    await expect(create(ANN)).rejects.toMatchObject(REFUSED);
    expect(await use(busy, ANN, () => 'in')).toBe('in');
    expect(info(busy)).toMatchObject({ state: 'active' });
    held.open();
    await running;
    await withTimeout(drain);
    expect(made[1]?.closed).toEqual(['drained']);
    expect([told(idle).at(-1), told(busy).at(-1)]).toEqual(['terminated: drained', 'terminated: drained']);
    await expect(use(busy, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
    await expect(create(ANN)).rejects.toMatchObject(REFUSED);
  });

  test('whose time is up tells the uses, closes everything, and waits no longer', async () => {
    const { create, use, made, pass, supervisor } = world({}, { shutdownTimeout: 500 });
    const id = await create(ANN);
    const held = gate();
    const heard: string[] = [];
    const running = use(id, ANN, async (browser, { signal }) => {
      signal.addEventListener('abort', () => heard.push(`aborted, closed ${browser.closed.length} times`));
      await held.opened;
    });
    const drain = supervisor.drain();
    await pass(499);
    expect(made[0]?.closed).toEqual([]);
    await pass(1);
    await withTimeout(drain);
    expect([heard, made[0]?.closed]).toEqual([['aborted, closed 0 times'], ['drained']]);
    held.open();
    await running;
  });

  test('waits for a close, but no longer than shutdownTimeout', async () => {
    const closing = gate();
    const { create, made, pass, supervisor } = world({ close: () => closing.opened }, { shutdownTimeout: 500 });
    await create(ANN);
    let drained = false;
    const drain = supervisor.drain().then(() => {
      drained = true;
    });
    await pass(499);
    expect([made[0]?.closed, drained]).toEqual([['drained'], false]);
    await pass(1);
    await withTimeout(drain);
    closing.open();
  });

  test('gives a handle that ends in use no more time than the drain has', async () => {
    const { create, use, end, made, pass, supervisor } = world({}, { shutdownTimeout: 500 });
    const id = await create(ANN);
    const held = gate();
    const running = use(id, ANN, () => held.opened);
    await end(id, ANN);
    const drain = supervisor.drain({ timeout: 100 });
    await pass(100);
    await withTimeout(drain);
    expect(made[0]?.closed).toEqual(['deleted']);
    held.open();
    await running;
  });

  test('keeps handles for as long as a session lives that could use them', async () => {
    const { create, use, made, supervisor, gates, pass } = world({}, { shutdownTimeout: 5_000 });
    const { id: sessionId } = await openSession(supervisor);
    const id = await create(ANN);
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'gate', arguments: { key: 'call' } } };
    const call = supervisor.fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: { ...headers, 'mcp-session-id': sessionId },
        body: JSON.stringify(body),
      }),
    );
    await gates.entered('call');
    const drain = supervisor.drain();
    await pass(1_000);
    expect(made[0]?.closed).toEqual([]);
    expect(await use(id, ANN, () => 'in')).toBe('in');
    gates.open('call');
    await (await call).text();
    await withTimeout(drain);
    expect(made[0]?.closed).toEqual(['drained']);
  });

  test('ends one that is being opened, whose create hears of it, and closes what comes too late', async () => {
    const opening = gate();
    const signals: AbortSignal[] = [];
    const { create, made, supervisor } = world({
      open: async ({ signal }) => {
        signals.push(signal);
        return void (await opening.opened) as never;
      },
    });
    const created = create(ANN).catch((error: unknown) => error);
    await withTimeout(supervisor.drain());
    expect(await created).toMatchObject(REFUSED);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    opening.open();
    await until(() => made[0]?.closed.length === 1);
    expect(made[0]?.closed).toEqual(['drained']);
  });

  test('of many leaves no actor, no timer and no handle', async () => {
    const { create, made, supervisor } = world({ maxPerPrincipal: 300, maxLifetime: 1_000_000 });
    for (let n = 0; n < 300; n++) await create(ANN);
    expect(actorsOf(supervisor).sessions).toHaveLength(300);
    await withTimeout(supervisor.drain());
    expect(actorsOf(supervisor).sessions).toEqual([]);
    expect([...supervisor.openHandles()]).toEqual([]);
    expect(made.every(({ closed }) => closed.join() === 'drained')).toBe(true);
    expect(supervisor.stats().handles).toMatchObject({ browser: { closing: 0, ended: { drained: 300 } } });
  });

  test('is what the stop of the root is', async () => {
    const { create, use, made, supervisor } = world();
    const [idle, busy] = [await create(ANN), await create(ANN)];
    const held = gate();
    const running = use(busy, ANN, () => held.opened);
    supervisor.actor.stop();
    await turns(5);
    expect([made[0]?.closed, made[1]?.closed]).toEqual([['drained'], []]);
    held.open();
    await running;
    await withTimeout(supervisor.drain());
    expect(made[1]?.closed).toEqual(['drained']);
    await expect(use(idle, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
  });

  test('with a session that has nothing but a stream open does not wait for it', async () => {
    const { create, made, supervisor } = world();
    const { id } = await openSession(supervisor);
    const stream = (await supervisor.fetch(getOf(id))).text();
    await create(ANN);
    await withTimeout(supervisor.drain());
    expect(made[0]?.closed).toEqual(['drained']);
    await stream;
  });
});
