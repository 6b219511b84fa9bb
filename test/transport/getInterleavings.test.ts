/**
 * Several GET streams, a store that takes its time, and lines that break: whatever happens in whatever order, each
 * message is on exactly one stream, and its client gets it by following that stream's event ids.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Hold } from '../../src/transport/hold.ts';
import { SessionStreams } from '../../src/transport/sessionStreams.ts';
import { ControlledStore } from '../support/controlledStore.ts';
import { SseParser } from '../support/sse.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeExchange } from './fakeExchange.ts';
import { message } from './streamKit.ts';

/** One GET stream as its client sees it, over all its connections. */
class Followed {
  readonly numbers: number[] = [];
  lastId = '';
  #line: FakeExchange | undefined;
  #taken = 0;

  /** The client is on this line from now on. */
  follow(line: FakeExchange): void {
    this.take();
    this.#line = line;
    this.#taken = 0;
  }

  /** The line breaks. The server may learn of it, or not. */
  lose(noticed: boolean): void {
    this.take();
    if (noticed) this.#line?.close();
    this.#line = undefined;
  }

  /** Takes what has come. Returns the last event id. */
  take(): string {
    const calls = this.#line?.calls ?? [];
    for (; this.#taken < calls.length; this.#taken++) {
      const text = /^(?:write|end) (.*)$/s.exec(calls[this.#taken] ?? '')?.[1] ?? '';
      for (const { id, data } of new SseParser().push(text).events) {
        if (id !== undefined) this.lastId = id;
        if (data !== '') this.numbers.push(JSON.parse(data).params.n);
      }
    }
    return this.lastId;
  }
}

const step = fc.record({
  what: fc.constantFrom(
    ...([
      'send',
      'send',
      'send',
      'send',
      'open',
      'lose',
      'vanish',
      'resume',
      'resume',
      'wait',
      'send all away',
    ] as const),
  ),
  which: fc.nat(),
});

/** How many turns of the event loop the store takes for one operation after the other; again from the start. */
const delays = fc.array(fc.nat(3), { minLength: 1, maxLength: 10 });

test('each message is on exactly one GET stream, in order, whatever breaks', async () => {
  let mostStreams = 0;
  const schedule = fc.array(step, { maxLength: 120, size: 'max' });
  const property = fc.asyncProperty(schedule, fc.nat(17), delays, async (steps, opened, pace) => {
    const clock = new WatchedClock();
    const eventStore = new ControlledStore();
    let operation = 0;
    const takeTime = () => turns(pace[operation++ % pace.length] ?? 0);
    Object.assign(eventStore, { beforeStore: takeTime, beforeReplay: takeTime, beforeSend: takeTime });
    const failures: unknown[] = [];
    const streams = new SessionStreams(
      'a',
      {
        clock,
        eventStore,
        enableJsonResponse: false,
        retryInterval: undefined,
        keepAliveInterval: Number.POSITIVE_INFINITY,
        maxStreamBuffer: 1_000_000,
        resumeTimeout: 1_000,
        shutdownTimeout: 1_000,
      },
      {
        load: { calls: 0, streams: 0 },
        abandoned: () => {},
        resumed: () => {},
        storeFailed: (error) => failures.push(error),
      },
      undefined,
    );
    streams.protocolVersion = '2025-11-25';

    const followed: Followed[] = [];
    const resume = async (stream: Followed) => {
      stream.take();
      const line = new FakeExchange();
      stream.follow(line);
      const known = await streams.resume(line, stream.lastId, new Hold(line, () => {}));
      expect(known).toBe(true);
    };
    const open = () => {
      const [stream, line] = [new Followed(), new FakeExchange()];
      stream.follow(line);
      streams.listen(line);
      followed.push(stream);
    };
    const resumptions: Promise<void>[] = [];
    const sent: number[] = [];
    for (let n = 0; n < opened; n++) open();
    for (const [n, { what, which }] of steps.entries()) {
      if (what === 'send' && streams.send(message(n))) sent.push(n);
      if (what === 'open') open();
      if (what === 'wait') await turns(2);
      if (what === 'send all away') streams.disconnectStandalone();
      // A client without an event id could not come back.
      const some = followed.filter((stream) => stream.take() !== '');
      const stream = some[which % Math.max(some.length, 1)];
      if (what === 'lose' || what === 'vanish') stream?.lose(what === 'lose');
      if (what === 'resume' && stream !== undefined) resumptions.push(resume(stream));
    }
    await withTimeout(Promise.all(resumptions), { what: 'all resumptions' });
    await until(() => followed.every((stream) => stream.take() !== ''), { what: 'every priming event' });
    for (const stream of followed) await withTimeout(resume(stream), { what: 'the last resumption' });
    await until(
      () => {
        for (const stream of followed) stream.take();
        return followed.flatMap(({ numbers }) => numbers).length >= sent.length;
      },
      { what: 'every message', within: 1_000 },
    );
    for (const { numbers } of followed) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(followed.flatMap(({ numbers }) => numbers).sort((a, b) => a - b)).toEqual(sent);
    await until(() => streams.open <= 16, { what: 'the streams that made room to end', within: 1_000 });
    expect([failures, clock.pending]).toEqual([[], []]);
    mostStreams = Math.max(mostStreams, followed.length);
  });
  await fc.assert(property, { numRuns: 100 });
  expect(mostStreams).toBeGreaterThan(16);
}, 60_000);
