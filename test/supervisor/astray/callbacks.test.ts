/** Whatever a callback does costs at most the request or the session that it was about. */
import { describe, expect, test } from 'vitest';
import { until, withTimeout } from '../../support/until.ts';
import { Astray, DEEDS, LAST_DEEDS, PLACES } from './astray.ts';

const MATRIX = PLACES.flatMap((place) => Object.keys(DEEDS).map((deed) => [place, deed] as const));

/** A whole life, which comes by every place: opened, used, idle, ended. */
async function live(astray: Astray): Promise<void> {
  const { status, id } = await astray.open();
  expect([200, 403, 404, 500, 503]).toContain(status);
  if (id === undefined) return;
  expect([200, 403, 404, 503]).toContain(await astray.ping(id));
  await astray.supervisor.terminate(id);
  expect(astray.supervisor.session(id)).toBeUndefined();
}

describe.concurrent('a callback that goes astray', () => {
  test.each(MATRIX)('%s %s', async (place, deed) => {
    const astray = new Astray(place);
    const bystander = await astray.open('bystander');
    const victim = await astray.open('ann');
    expect(bystander.status).toBe(200);
    // Everything has come to rest: what happens now is about the life below.
    await until(() => [...astray.supervisor.sessions()].every(({ state }) => state === 'idle'));

    astray.armed = () => DEEDS[deed]?.(astray, victim.id ?? '');
    await withTimeout(live(astray), { what: 'the life of a session' });
    if (place === 'subscriber of the root') astray.supervisor.actor.send({ type: 'GROW', id: 'one more' });
    if (place === 'clock.clearTimeout' || place === 'clock.setTimeout') await astray.ping(victim.id ?? '');
    expect(astray.did).toBe(1);

    if (!LAST_DEEDS.has(deed) && deed !== 'terminates all') {
      expect(await astray.ping(bystander.id ?? '', 'bystander')).toBe(200);
      const another = await withTimeout(astray.open('another'), { what: 'another session' });
      expect(another.status).toBe(200);
      expect(await withTimeout(astray.supervisor.terminate(another.id ?? ''), { what: 'terminate' })).toBe(true);
    }
    await withTimeout(astray.supervisor.drain(), { what: 'the drain' });
    expect([...astray.supervisor.sessions()]).toEqual([]);
    expect(astray.supervisor.stats()).toMatchObject({
      sessions: { initializing: 0, active: 0, idle: 0 },
      calls: 0,
      streams: 0,
    });
    expect((await astray.open()).status).toBe(503);
    await until(() => astray.supervisor.stats().servers.starting === 0);
    for (const server of astray.servers) expect(server).toEqual({ closes: 1, cleanups: 1 });
    expect(astray.log.filter(({ event }) => event === 'request.failed')).toEqual([]);
  });
});

const REJECTING = ['listener of session.opened', 'logger', 'inspect', 'factory', 'cleanup'] as const;

test.each(REJECTING)('a rejection of the %s is nobody’s unhandled one', async (place) => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    const astray = new Astray(place);
    astray.armed = DEEDS['rejects'] as () => unknown;
    await live(astray);
    await astray.supervisor.drain();
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});

test.each([
  ['listener of session.opened', 'listener.failed'],
  ['inspect', 'inspect.failed'],
  ['observer of the system', 'inspect.failed'],
  ['clock.now', 'clock.failed'],
  ['sessionIdGenerator', 'session.idFailed'],
  ['principal', 'principal.failed'],
  ['cleanup', 'server.closeFailed'],
] as const)('what the %s throws is logged as %s', async (place, event) => {
  const astray = new Astray(place);
  astray.armed = DEEDS['throws'] as () => unknown;
  await live(astray);
  const errors = astray.log.filter((entry) => entry.event === event).map(({ error }) => String(error));
  expect(errors).toEqual(['Error: thrown by a callback']);
  await astray.supervisor.drain();
});
