/** Hostile input: event ids that were never given out, or to somebody else. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../../src/stores/memoryEventStore.ts';
import { TestEventStore } from '../../support/eventStore.ts';
import { besiege, expectRefusal, type Siege } from '../../support/siege.ts';
import { call, parseSse, type SseEvent } from '../../support/wire.ts';

const STORES = { 'the memory store': () => createMemoryEventStore(), 'a store of the SDK': () => new TestEventStore() };

/** The events of a call in a session, priming event included. */
async function eventsOf(siege: Siege, sessionId: string): Promise<SseEvent[]> {
  const { text } = await call(siege.served.url, sessionId, 'echo', { text: 'private' });
  const events = parseSse(text);
  expect(events.length).toBeGreaterThanOrEqual(2);
  return events;
}

describe('crafted event ids', () => {
  describe.each(Object.entries(STORES))('with %s', (_, makeStore) => {
    test.each([
      '_',
      'get',
      'get0_',
      'get0_0',
      '0_',
      '_0',
      '0_0',
      '0_99999999999999999999',
      '0_-1',
      '0__proto__',
      '__proto___0',
      'constructor_0',
      'get0_../../etc/passwd',
      'get0_*',
      '*_*',
      `get0_${'x'.repeat(1_024)}`,
      'x'.repeat(10_000),
      'ä_ö',
    ])('%#', async (eventId) => {
      const siege = await besiege({ eventStore: makeStore() });
      const { headers, sessionId } = await siege.session();
      await eventsOf(siege, sessionId);
      const answer = await siege.send({ method: 'GET', headers: { ...headers, 'last-event-id': eventId } });
      expectRefusal(answer, 400, -32000);
      await siege.expectUnharmed();
    });

    test('of another session, as they are and with names exchanged: nothing of it is replayed', async () => {
      const siege = await besiege({ eventStore: makeStore() });
      const [mine, theirs] = [await siege.session(), await siege.session()];
      await eventsOf(siege, mine.sessionId);
      const foreign = (await eventsOf(siege, theirs.sessionId)).map(({ id = '' }) => id);
      const ids = foreign.flatMap((id) => {
        const [stream = '', ...rest] = id.split('_');
        const inStore = rest.join('_');
        return [
          id,
          `get0_${inStore}`,
          `${Number(stream) + 1}_${inStore}`,
          inStore,
          inStore.replace(theirs.sessionId, mine.sessionId),
        ];
      });
      for (const eventId of ids) {
        const answer = await siege.send({ method: 'GET', headers: { ...mine.headers, 'last-event-id': eventId } });
        expect(answer.body).not.toContain('private');
        expect(answer.body).not.toContain(theirs.sessionId);
        expectRefusal(answer, 400, -32000);
      }
      await siege.expectUnharmed();
    });

    test('in two headers, or in a session that is not there', async () => {
      const siege = await besiege({ eventStore: makeStore() });
      const { headers, sessionId } = await siege.session();
      const [{ id = '' } = {}] = await eventsOf(siege, sessionId);
      const twice = { headers: { ...headers, 'last-event-id': id }, lines: [['Last-Event-ID', id]] as const };
      expectRefusal(await siege.send({ method: 'GET', ...twice }), 400, -32000);
      const gone = { ...headers, 'mcp-session-id': 'gone', 'last-event-id': id };
      expectRefusal(await siege.send({ method: 'GET', headers: gone }), 404, -32001);
      await siege.expectUnharmed();
    });
  });
});
