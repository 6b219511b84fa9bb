/** What is ended by a callback before it has quite begun is answered as if it had been ended a moment later. */
import { createMemoryEventStore, type SessionSupervisor } from 'mcp-session-supervisor';
import { expect, test } from 'vitest';
import { TinyServer } from '../../support/tinyServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import { embed, getOf, open, postOf } from './embedder.ts';

const ANSWER = { within: 1_000, what: 'the answer' };

function terminateAll(supervisor: SessionSupervisor): void {
  for (const { id } of supervisor.sessions()) void supervisor.terminate(id);
}

test('a session that is ended when another is evicted for it: its initialize is answered', async () => {
  const supervisor = embed({ maxSessions: 1 });
  await open(supervisor);
  supervisor.on('session.terminated', () => terminateAll(supervisor));
  expect((await withTimeout(open(supervisor), ANSWER)).status).toBe(503);
  await supervisor.drain();
  expect(supervisor.stats()).toMatchObject({ calls: 0, streams: 0, servers: { starting: 0, closing: 0 } });
});

test('a session that is ended while an id generator is asked for another: its initialize is answered', async () => {
  let ids = 0;
  let generating = () => {};
  const supervisor = embed({
    sessionIdGenerator: () => {
      generating();
      return `session-${++ids}`;
    },
  });
  const { id } = await open(supervisor);
  generating = () => void supervisor.terminate(id);
  supervisor.on('session.terminated', () => terminateAll(supervisor));
  expect((await withTimeout(open(supervisor), ANSWER)).status).toBe(503);
  await supervisor.drain();
});

test.each(['terminate', 'close the server'])(
  'a call whose priming event makes the event store %s ends, and counts no longer',
  async (deed) => {
    const store = createMemoryEventStore();
    let storing = () => {};
    const supervisor = embed({
      server: () => new TinyServer({ silent: true }), // one that is closed answers nothing
      resumeTimeout: 200,
      eventStore: {
        replayEventsAfter: (id, sender) => store.replayEventsAfter(id, sender),
        storeEvent: (stream, message) => {
          storing();
          return store.storeEvent(stream, message);
        },
      },
    });
    const { id } = await open(supervisor);
    storing = () => {
      storing = () => {};
      if (deed === 'terminate') void supervisor.terminate(id);
      else void supervisor.server(id)?.close();
    };
    const answered = supervisor.fetch(postOf({ jsonrpc: '2.0', id: 1, method: 'ping' }, id));
    const response = await withTimeout(answered, ANSWER);
    await withTimeout(response.text(), { within: 1_000, what: 'the end of the answer' });
    await supervisor.drain();
    expect(supervisor.stats()).toMatchObject({ calls: 0, streams: 0 });
  },
);

test.each(['at once', 'while it replays'])('a resumed stream ends, where its session is ended %s', async (when) => {
  const store = createMemoryEventStore();
  let replaying = async () => {};
  const supervisor = embed({
    eventStore: {
      storeEvent: (stream, message) => store.storeEvent(stream, message),
      replayEventsAfter: async (id, sender) => {
        const replayed = store.replayEventsAfter(id, sender);
        await replaying();
        return replayed;
      },
    },
  });
  const { id } = await open(supervisor);
  const first = await supervisor.fetch(getOf(id));
  let text = '';
  for await (const chunk of first.body ?? []) {
    text += new TextDecoder().decode(chunk);
    if (text.includes('id: ')) break;
  }
  replaying = async () => {
    if (when !== 'at once') await new Promise((resolve) => setImmediate(resolve));
    void supervisor.terminate(id);
  };
  const eventId = /id: (.*)/.exec(text)?.[1];
  expect(eventId).toBeDefined();
  const resumed = await withTimeout(supervisor.fetch(getOf(id, eventId)), ANSWER);
  await withTimeout(resumed.text(), { within: 1_000, what: 'the end of the resumed stream' });
  await supervisor.drain();
  expect(supervisor.stats()).toMatchObject({ calls: 0, streams: 0 });
});

test('a connection that a clock ends while it is asked for its timer leaves no timer that comes again', async () => {
  const pending = new Set<unknown>();
  let setting = (_ms: number) => {};
  const supervisor = embed({
    keepAliveInterval: 37,
    clock: {
      now: () => Date.now(),
      setTimeout: (fn, ms) => {
        const handle = setTimeout(() => {
          pending.delete(handle);
          fn();
        }, ms);
        pending.add(handle);
        setting(ms);
        return handle;
      },
      clearTimeout: (handle) => {
        pending.delete(handle);
        clearTimeout(handle);
      },
    },
  });
  const { id } = await open(supervisor);
  setting = (ms) => {
    if (ms === 37) void supervisor.terminate(id);
  };
  await (await withTimeout(supervisor.fetch(getOf(id)), ANSWER)).text();
  setting = () => {};
  await supervisor.drain();
  await until(() => pending.size === 0, { within: 1_000, what: 'the last timer to be over' });
  expect(pending.size).toBe(0);
});

test('an actor that dies while the clock is asked is told of as ended, and as nothing after it', async () => {
  let telling = () => {};
  const supervisor: SessionSupervisor = embed({
    clock: {
      setTimeout: (fn, ms) => setTimeout(fn, ms),
      clearTimeout: (handle) => clearTimeout(handle),
      now: () => {
        telling();
        return Date.now();
      },
    },
  });
  const told: string[] = [];
  for (const type of ['session.opened', 'session.active', 'session.terminated'] as const) {
    supervisor.on(type, ({ session }) => told.push(`${session.id} ${type}`));
  }
  const first = await open(supervisor);
  let asked = 0;
  telling = () => {
    // First for when it was created, then for when it became active.
    if (++asked !== 2) return;
    const [partition] = Object.values(supervisor.actor.getSnapshot().children);
    partition?.send({ type: 5 } as never);
  };
  await withTimeout(open(supervisor), ANSWER);
  telling = () => {};
  await supervisor.drain();
  const last = new Map(told.map((line) => line.split(' ') as [string, string]));
  expect(last.get(first.id)).toBe('session.terminated');
  expect([...last.values()]).not.toContain('session.active');
});
