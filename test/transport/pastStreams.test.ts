/** Streams of earlier incarnations, by themselves: for how long one is kept, and whose connections are whose. */
import { expect, test } from 'vitest';
import { EventLog } from '../../src/stores/eventLog.ts';
import { Connection } from '../../src/transport/connection.ts';
import { MessageStream } from '../../src/transport/messageStream.ts';
import { PastStreams } from '../../src/transport/pastStreams.ts';
import { formatStreamName, type StreamName } from '../../src/transport/streamName.ts';
import { ControlledStore } from '../support/controlledStore.ts';
import { turns } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeExchange } from './fakeExchange.ts';

/** A stream of the first incarnation of which the priming event is stored. */
async function given(name: StreamName) {
  const clock = new WatchedClock();
  const store = new ControlledStore();
  const log = new EventLog(store, 'session-1', clock, true);
  const id = formatStreamName(name);
  const failures: unknown[] = [];
  let made = 0;
  const past = new PastStreams(() => {
    made++;
    const onStoreFailure = (error: unknown) => void failures.push(error);
    return new MessageStream({ id, log, retry: undefined, maxBuffer: 1_000, onStoreFailure });
  });
  const primed = await log.append(id);
  const limits = { clock, keepAliveInterval: Number.POSITIVE_INFINITY, maxStreamBuffer: 1_000_000 };
  const resume = async () => {
    const exchange = new FakeExchange();
    const known = await past.resume(id, name, primed, new Connection(exchange, () => ({}), limits, 204));
    await turns(10);
    return { known, exchange };
  };
  return { store, failures, resume, made: () => made };
}

const CALL: StreamName = { epoch: 1, isGet: false, number: 0, calls: [7] };
const GET: StreamName = { epoch: 1, isGet: true, number: 0, calls: [] };

test('those who resume one at once share it; whoever comes later gets it anew', async () => {
  const { store, resume, made } = await given(CALL);
  const both = await Promise.all([resume(), resume()]);
  expect(both.map(({ known }) => known)).toEqual([true, true]);
  expect([made(), store.events.length]).toEqual([1, 2]);
  expect(await resume()).toMatchObject({ known: true });
  expect([made(), store.events.length]).toEqual([2, 2]);
});

test('one that the store failed is there for whoever comes when it works again', async () => {
  const { store, failures, resume } = await given(CALL);
  store.beforeStore = () => {
    throw new Error('full');
  };
  const { exchange } = await resume();
  expect(exchange.calls.join()).toContain('restarted before it had answered');
  expect([failures.length, store.events.length]).toEqual([1, 1]);

  store.beforeStore = () => {};
  expect(await resume()).toMatchObject({ known: true });
  expect([failures.length, store.events.length]).toEqual([1, 2]);
});

test('two who resume a GET stream at once both keep their connections', async () => {
  const { resume } = await given(GET);
  const both = await Promise.all([resume(), resume()]);
  expect(both.map(({ known, exchange }) => [known, exchange.closed, exchange.calls.includes('end')])).toEqual([
    [true, false, false],
    [true, false, false],
  ]);
});
