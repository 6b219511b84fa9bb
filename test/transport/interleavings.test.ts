/**
 * A stream, a store that takes its time, and a client whose line breaks: whatever happens in whatever order, what the
 * client gets by following the event ids is exactly what was sent.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SseParser } from '../support/sse.ts';
import { turns } from '../support/until.ts';
import { type Listener, message, StreamKit } from './streamKit.ts';

interface Heard {
  readonly id: string;
  readonly n: number | undefined;
}

/** A client that resumes from the last event that it has heard, on one connection at a time. */
class FollowingClient {
  readonly #kit: StreamKit;
  readonly #heard: Heard[] = [];
  #line: Listener | undefined;
  #taken = 0;

  constructor(kit: StreamKit) {
    this.#kit = kit;
    this.#line = kit.listen();
  }

  /** The numbers of the messages, in the order in which they came. */
  get numbers(): number[] {
    this.#listen();
    return this.#heard.flatMap(({ n }) => n ?? []);
  }

  /** The line breaks. The server may learn of it, or not. */
  lose(noticed: boolean): void {
    this.#listen();
    if (noticed) this.#line?.reply.close();
    this.#line = undefined;
    this.#taken = 0;
  }

  /** Resumes on a new connection; resolves to whether there was something to resume. */
  resume(noticed: boolean): Promise<boolean> {
    this.lose(noticed);
    const line = this.#kit.client();
    this.#line = line;
    return this.#kit.stream.resume(this.#heard.at(-1)?.id ?? '', line.connection, true);
  }

  /** Takes what has come on the line. */
  #listen(): void {
    const calls = this.#line?.reply.calls ?? [];
    for (; this.#taken < calls.length; this.#taken++) {
      const text = /^(?:write|end|respond 200 \{\}) (.*)$/s.exec(calls[this.#taken] ?? '')?.[1] ?? '';
      for (const { id, data } of new SseParser().push(text).events) {
        if (id !== undefined) this.#heard.push({ id, n: data === '' ? undefined : JSON.parse(data).params.n });
      }
    }
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('send' as const) },
  { weight: 2, arbitrary: fc.constant('wait' as const) },
  { weight: 1, arbitrary: fc.constant('lose' as const) },
  { weight: 1, arbitrary: fc.constant('vanish' as const) },
  { weight: 2, arbitrary: fc.constant('resume' as const) },
  { weight: 1, arbitrary: fc.constant('vanish and resume' as const) },
  { weight: 1, arbitrary: fc.constant('close' as const) },
);

/** How many turns of the event loop the store takes for one operation after the other; again from the start. */
const delays = fc.array(fc.nat(3), { minLength: 1, maxLength: 10 });

test('sends, breaks and resumptions, in any order, on a store of any pace', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), delays, async (steps, pace) => {
    const kit = new StreamKit({ maxBuffer: 1_000_000 });
    const { stream, store } = kit;
    let operation = 0;
    const takeTime = () => turns(pace[operation++ % pace.length] ?? 0);
    Object.assign(store, { beforeStore: takeTime, beforeReplay: takeTime, beforeSend: takeTime });

    const client = new FollowingClient(kit);
    stream.prime();
    await kit.settled();
    let sent = 0;
    const resumptions: Promise<boolean>[] = [];
    for (const what of steps) {
      if (what === 'send') stream.send(message(sent++));
      if (what === 'wait') await turns(2);
      if (what === 'lose' || what === 'vanish') client.lose(what === 'lose');
      if (what === 'resume') resumptions.push(client.resume(true));
      if (what === 'vanish and resume') resumptions.push(client.resume(false));
      if (what === 'close') stream.disconnect();
    }
    stream.finish(message(sent));
    for (let tries = 0; client.numbers.at(-1) !== sent && tries < 3; tries++) {
      await kit.settled();
      if (client.numbers.at(-1) !== sent) resumptions.push(client.resume(true));
    }
    await kit.settled();
    expect(client.numbers).toEqual(Array.from({ length: sent + 1 }, (_, n) => n));
    expect(new Set(await Promise.all(resumptions))).not.toContain(false);
    expect(kit.failures).toEqual([]);
    expect(kit.clock.pending).toEqual([]);
  });
  await fc.assert(property, { numRuns: 300 });
});
