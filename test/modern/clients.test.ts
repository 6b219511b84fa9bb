/** The SDKs' own clients on one endpoint, each in its era, at once. */
import { describe, expect, test } from 'vitest';
import { connectClient } from '../support/client.ts';
import type { ServeOptions } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';
import { connectV2 } from './clientsV2.ts';
import { MODERN, serveBoth } from './modernServer.ts';

const connectAll = async (url: string) => ({
  legacy: await connectV2(url, 'legacy'),
  auto: await connectV2(url, 'auto'),
  v1: await connectClient(url),
});

describe('on an endpoint that serves both eras', () => {
  test('each client gets its own, all at once', async () => {
    const { url, supervisor, built } = await serveBoth();
    const [{ legacy, auto, v1 }, pinned] = await Promise.all([connectAll(url), connectV2(url, { pin: MODERN })]);
    expect([legacy.version, auto.version, pinned.version]).toEqual(['2025-11-25', MODERN, MODERN]);
    expect([legacy.transport.sessionId, auto.transport.sessionId, pinned.transport.sessionId]).toEqual([
      expect.any(String),
      undefined,
      undefined,
    ]);
    const said = await Promise.all([
      legacy.echo('a'),
      auto.echo('b'),
      pinned.echo('c'),
      v1.call('echo', { text: 'd' }),
    ]);
    expect(said).toEqual(['a', 'b', 'c', 'd']);
    expect([...supervisor.sessions()].map(({ clientInfo }) => clientInfo?.name).sort()).toEqual(['test-client', 'v2']);
    expect(new Set(built.map(({ era }) => era))).toEqual(new Set(['session', 'modern']));
    const { tools } = await auto.client.listTools();
    expect(tools.map(({ name }) => name)).toContain('echo');
  });

  test('a modern client listens, and hears what changes', async () => {
    const { url, supervisor } = await serveBoth();
    const { client } = await connectV2(url, { pin: MODERN });
    const heard: string[] = [];
    client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
    const subscription = await client.listen({ toolsListChanged: true });
    supervisor.notify.toolsChanged();
    await until(() => heard.length === 1);
    await supervisor.drain();
    expect(await withTimeout(subscription.closed)).toBe('graceful');
  });
});

describe.each<[string, ServeOptions]>([
  ['refuse', { modern: 'refuse' }],
  ['off', { modern: 'off' }],
])('on an endpoint that does not (%s)', (_, options) => {
  test('a client of both falls back to a session, one that is pinned is told why not', async () => {
    const { url, supervisor } = await serveBoth(options);
    const { auto, legacy, v1 } = await connectAll(url);
    expect([auto.version, legacy.version]).toEqual(['2025-11-25', '2025-11-25']);
    expect([await auto.echo('a'), await legacy.echo('b'), await v1.call('echo', { text: 'c' })]).toEqual([
      'a',
      'b',
      'c',
    ]);
    await expect(connectV2(url, { pin: MODERN })).rejects.toThrow(/2026-07-28|Unsupported protocol version/);
    expect(supervisor.stats().opened).toBe(3);
  });
});
