/** What flows, what is held back, and what a child says unasked. */
import type { Case } from '../caseKind.ts';
import { residentMemory } from '../processes.ts';
import type { Running } from '../running.ts';
import type { Trial } from '../trial.ts';
import { type Called, type ClientSession, type Message, outcome } from '../wire.ts';

const MiB = 1024 * 1024;
const ROOTS = { roots: [{ uri: 'file:///answered' }] };
const SAMPLED = { role: 'assistant', content: { type: 'text', text: 'sampled' }, model: 'none' };
const SAMPLING = { messages: [], maxTokens: 1 };

/** How much more is resident at most while something goes on, in MiB. */
async function growth(trial: Trial, running: Running, doing: () => Promise<unknown>): Promise<number> {
  const before = residentMemory(running.pid);
  let most = before;
  let isDone = false;
  const watch = trial.until(() => {
    most = Math.max(most, residentMemory(running.pid));
    return isDone;
  }, 60_000);
  await doing();
  isDone = true;
  await watch;
  return Math.max(0, Math.round((most - before) / MiB));
}

/** A call by which a child asks for a sample, answered by the client wherever it is asked. */
function sample(session: ClientSession, id: string): Promise<Called> {
  const onMessage = (message: Message) => {
    if (message.method === 'sampling/createMessage') {
      void session.post({ jsonrpc: '2.0', id: message.id, result: SAMPLED });
    }
  };
  const request = { id, method: 'sampling/createMessage', params: SAMPLING };
  return session.call('ask', { request }, { onMessage, within: 5_000 });
}

export const FLOW: readonly Case[] = [
  {
    number: 28,
    part: 'Flow',
    says: 'A child that no longer reads: 192 MiB of calls are held back in bounded memory, those beyond it get errors, others live.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const other = await running.open();
      await session.call('deaf');
      let calls: Called[] = [];
      const text = 'x'.repeat(MiB);
      const grown = await growth(trial, running, async () => {
        const all: Promise<Called>[] = [];
        for (let n = 0; n < 192; n++) {
          all.push(session.call('echo', { text }, { within: 8_000 }));
          await trial.until(() => false, 10);
        }
        calls = await Promise.all(all);
      });
      const refused = calls.filter(({ end, reply }) => end === 'whole' && reply?.error !== undefined);
      trial.expect(refused.length > 0, 'no call gets an error: all are left waiting');
      trial.expect(grown < 128, `${grown} MiB more are resident`);
      trial.expect(await other.lives(), 'another session gets no answer');
      const first = refused[0];
      trial.saw.push(`${refused.length} of 192 get ${first && outcome(first)}; ${grown} MiB more are resident`);
    },
  },
  {
    number: 29,
    part: 'Flow',
    says: 'A client that does not read 768 MiB of progress: memory is bounded, and others live.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const other = await running.open();
      let others = false;
      const grown = await growth(trial, running, async () => {
        const args = { count: 768, size: MiB };
        const stalled = session.call('progress', args, { meta: { progressToken: 't' }, stall: true, within: 15_000 });
        await trial.until(() => false, 12_000);
        others = await other.lives();
        await stalled;
      });
      trial.expect(grown < 256, `${grown} MiB more are resident`);
      trial.expect(others && !running.isGone, 'another session gets no answer');
      trial.saw.push(`${grown} MiB more are resident`);
    },
  },
  {
    number: 30,
    part: 'Flow',
    says: 'A flood of 32 MiB on stderr does not block the child, and is not all logged.',
    judge: async (trial) => {
      const { running, session } = await trial.session({ logs: true });
      const call = await session.call('stderr', { bytes: 32 * MiB }, { within: 20_000 });
      trial.expect(call.said === 'not blocked', `the call: ${outcome(call)}`);
      const logged = Math.round(running.printedBytes / MiB);
      trial.expect(logged < 4, `${logged} MiB are logged`);
      trial.saw.push(`answered after ${call.ms} ms, ${logged} MiB are logged`);
    },
  },
  {
    number: 31,
    part: 'Flow',
    says: 'A child that closes its stdin and lives on: the next call gets an error, not silence.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      await session.call('closeStdin');
      await trial.until(() => false, 500);
      const call = await session.call('echo', { text: 'x' }, { within: 6_000 });
      trial.expect(call.end === 'whole', `the next call: ${outcome(call)}`);
      trial.expect(!running.isGone, 'the gateway died');
      trial.saw.push(`the next call: ${outcome(call)}`);
    },
  },
  {
    number: 32,
    part: 'Flow',
    says: 'A child that closes its stdout and lives on: the call gets an error, and the child is ended.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const call = await session.call('closeStdout', {}, { within: 6_000 });
      trial.expect(call.end === 'whole' && call.status !== 0, `the call: ${outcome(call)}`);
      trial.expect(!running.isGone, 'the gateway died');
      trial.saw.push(`the call: ${outcome(call)}`);
      await trial.expectNothingLeft(12_000, 'that');
    },
  },
  {
    number: 33,
    part: 'Flow',
    says: 'A child that asks for roots at `initialized`: the client is asked on the GET stream that it opens 200 ms later.',
    judge: async (trial) => {
      const running = await trial.serve();
      trial.mood({ asksRoots: true });
      const session = await running.open({ capabilities: { roots: { listChanged: true } } });
      await trial.until(() => false, 200);
      const listener = session.listen({
        onMessage: ({ method, id }) => {
          if (method === 'roots/list') void session.post({ jsonrpc: '2.0', id, result: ROOTS });
        },
      });
      const isAnswered = () => trial.heard().some(({ event, reply }) => event === 'roots' && 'result' in (reply ?? {}));
      const took = await trial.until(isAnswered, 5_000);
      listener.leave();
      trial.expect(took !== undefined, 'the child gets no roots');
      trial.saw.push('the child gets its roots');
    },
  },
  {
    number: 34,
    part: 'Flow',
    says: 'Sampling within a call works without a GET stream, with one call in flight and with two.',
    judge: async (trial) => {
      const running = await trial.serve();
      const session = await running.open({ capabilities: { sampling: {} } });
      const alone = await sample(session, 'alone');
      trial.expect(alone.said?.includes('sampled') === true, `one call: ${alone.said ?? outcome(alone)}`);
      const two = await Promise.all([sample(session, 'a'), sample(session, 'b')]);
      const done = two.filter(({ said }) => said?.includes('sampled')).length;
      trial.expect(done === 2, `two calls: ${done} of 2 are answered`);
      trial.saw.push('all are answered');
    },
  },
  {
    number: 35,
    part: 'Flow',
    says: 'Progress goes with its call, without a GET stream, with another call in flight, and with a GET stream open.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const progress = async (what: string, token: string) => {
        const options = { meta: { progressToken: token }, within: 5_000 };
        const call = await session.call('progress', { count: 3, ms: 100 }, options);
        const own = call.messages.filter(({ params }) => params?.['progressToken'] === token).length;
        trial.expect(own === 3, `${what}: ${own} of 3 come with the call`);
      };
      await progress('without a GET stream', 'first');
      const waiting = session.call('wait', { ms: 1_000 });
      await progress('beside another call', 'second');
      await waiting;
      const listener = session.listen();
      await trial.until(() => false, 300);
      await progress('with a GET stream', 'third');
      listener.leave();
      trial.saw.push('all of it');
    },
  },
  {
    number: 36,
    part: 'Flow',
    says: 'The log level and subscriptions reach the child.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const ask = (id: string, method: string, params: object) =>
        session.post({ jsonrpc: '2.0', id, method, params }, { within: 5_000 });
      const level = await ask('level', 'logging/setLevel', { level: 'warning' });
      const subscribed = await ask('subscribe', 'resources/subscribe', { uri: 'file:///watched' });
      trial.expect(
        trial.linesWith('logging/setLevel').length > 0,
        `the log level does not reach it, and the client is told ${outcome(level)}`,
      );
      trial.expect(
        trial.linesWith('file:///watched').length > 0,
        `the subscription does not reach it, and the client is told ${outcome(subscribed)}`,
      );
      trial.saw.push('both do');
    },
  },
];
