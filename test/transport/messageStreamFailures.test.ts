/** A stream whose store fails, hangs or is slow: nothing is lost, overtaken or sent twice, and what waits is bounded. */
import { describe, expect, test } from 'vitest';
import { STORE_TIMEOUT } from '../../src/stores/storeOperations.ts';
import { Door, never } from '../support/controlledStore.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import { message, StreamKit } from './streamKit.ts';

describe('a store that fails', () => {
  test('what waits for it goes out in order, without ids, and so does all that comes', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const listener = kit.listen();
    stream.prime();
    await kit.settled();
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    for (let n = 1; n <= 3; n++) stream.send(message(n));
    await until(() => kit.failures.length > 0, { what: 'the failure' });
    stream.send(message(4));
    stream.finish(message(5));
    expect(listener.events).toEqual(['primed 0_e0', '1', '2', '3', '4', '5']);
    expect(kit.failures).toMatchObject([{ code: 'EVENT_STORE_FAILED' }]);
    expect(await stream.resume('0_e0', kit.client().connection, false)).toBe(false);
  });

  test('the end is not lost', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const { connection } = kit.listen();
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    stream.send(message(1));
    stream.finish();
    await kit.settled();
    expect(connection.closed).toBe(true);
  });

  test('a store that hangs is waited for, for its time', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const listener = kit.listen();
    store.beforeStore = never;
    for (let n = 1; n <= 3; n++) stream.send(message(n));
    stream.finish(message(4));
    kit.clock.increment(STORE_TIMEOUT - 1);
    await turns(2);
    expect(listener.events).toEqual([]);
    kit.clock.increment(1);
    await kit.settled();
    expect(listener.events).toEqual(['1', '2', '3', '4']);
    expect(kit.failures).toHaveLength(1);
  });

  test('what it stores after all is not sent twice', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const listener = kit.listen();
    const door = new Door();
    store.beforeStore = door.pass;
    stream.send(message(1));
    stream.send(message(2));
    kit.clock.increment(STORE_TIMEOUT);
    await kit.settled();
    door.open();
    await turns(3);
    expect(listener.events).toEqual(['1', '2']);
    expect(kit.failures).toHaveLength(1);
  });
});

describe('what waits for a store that hangs is bounded', () => {
  /** The client of a stream that is sent so many messages of so many bytes while its store hangs. */
  async function flood(count: number, size: number) {
    const kit = new StreamKit();
    const { stream, store } = kit;
    const listener = kit.listen();
    stream.prime();
    await kit.settled();
    store.beforeStore = never;
    for (let n = 1; n <= count; n++) stream.send(message(n, size));
    await turns(2);
    return { kit, stream, listener };
  }

  test('up to maxBuffer it waits, beside the message that is with the store', async () => {
    const { kit, listener } = await flood(3, 300);
    expect(listener.events).toEqual(['primed 0_e0']);
    expect(kit.failures).toEqual([]);
  });

  test('two messages beyond it are enough', async () => {
    const { kit, listener } = await flood(3, 600);
    expect(listener.events).toEqual(['primed 0_e0', '1', '2', '3']);
    expect(kit.failures).toHaveLength(1);
  });

  test('to the byte, and however slowly they come', async () => {
    const { kit, stream } = await flood(1, 0);
    const sized = (bytes: number) => message(1, bytes - JSON.stringify(message(1)).length);
    for (const bytes of [400, 600]) stream.send(sized(bytes));
    await turns(2);
    expect(kit.failures).toEqual([]);
    stream.send(sized(400));
    await turns(2);
    expect(kit.failures).toEqual([new Error('More than 1000 bytes wait for the event store')]);
  });

  test('it counts what waits now, neither what has waited nor what waited within one turn', async () => {
    const kit = new StreamKit();
    const { stream, store } = kit;
    for (let n = 0; n < 20; n++) {
      for (let m = 0; m < 3; m++) stream.send(message(n, 300));
      await kit.settled();
    }
    let stored = 0;
    store.beforeStore = () => (++stored > 3 ? never() : undefined);
    for (let n = 1; n <= 6; n++) stream.send(message(n, 300)); // of which three are stored at once, and two then wait
    await turns(3);
    expect(stored).toBe(4);
    expect(kit.failures).toEqual([]);
  });

  test('beyond it all goes out at once, in order, and nothing overtakes or is kept', async () => {
    const { kit, stream, listener } = await flood(5, 300);
    expect(listener.events).toEqual(['primed 0_e0', '1', '2', '3', '4', '5']);
    stream.send(message(6));
    stream.finish(message(7));
    expect(listener.events.slice(-2)).toEqual(['6', '7']);
    expect(kit.failures).toEqual([new Error('More than 1000 bytes wait for the event store')]);
    await kit.settled();
    kit.clock.increment(STORE_TIMEOUT);
    await turns(2);
    expect(listener.events).toHaveLength(8);
    expect(kit.failures).toHaveLength(1);
  });

  test('what is stored after that is not sent again', async () => {
    const { kit, stream, listener } = await flood(0, 0);
    const door = new Door();
    kit.store.beforeStore = door.pass;
    for (let n = 1; n <= 5; n++) stream.send(message(n, 300));
    await turns(2);
    expect(listener.events).toHaveLength(6);
    door.open();
    await turns(3);
    expect(kit.store.events).toHaveLength(2);
    expect(listener.events).toHaveLength(6);
  });

  test('one message larger than maxBuffer waits', async () => {
    const { kit, stream, listener } = await flood(2, 5_000);
    void stream.settled();
    await turns(2);
    expect(listener.events).toEqual(['primed 0_e0']);
    expect(kit.failures).toEqual([]);
  });

  test('a resumption that waits behind it is told that there is nothing', async () => {
    const { kit, stream } = await flood(1, 0);
    const resumed = stream.resume('0_e0', kit.client().connection, false);
    for (let n = 1; n <= 5; n++) stream.send(message(n, 300));
    expect(await withTimeout(resumed, { what: 'the resumption to be refused' })).toBe(false);
  });

  test('a store that is quick may get any amount within one turn of the event loop', async () => {
    const kit = new StreamKit();
    const { stream } = kit;
    const listener = kit.listen();
    for (let n = 1; n <= 20; n++) stream.send(message(n, 900));
    await kit.settled();
    expect(listener.events).toHaveLength(20);
    expect(listener.events.at(-1)).toBe('20 0_e19');
    expect(kit.failures).toEqual([]);
    // It is looked at again when it is slow later.
    await turns(1);
    kit.store.beforeStore = never;
    for (let n = 21; n <= 24; n++) stream.send(message(n, 900));
    await turns(2);
    expect(listener.events).toHaveLength(24);
    expect(kit.failures).toHaveLength(1);
  });
});
