/** Ids of two sides that do not know each other, and cancellations. */
import type { Case } from '../caseKind.ts';
import { type Message, newId, outcome } from '../wire.ts';

const CAPABILITIES = { roots: {}, sampling: {}, elicitation: {} };
const ROOTS = { roots: [{ uri: 'file:///answered', name: 'answered' }] };

export const IDS: readonly Case[] = [
  {
    number: 22,
    part: 'Ids',
    says: 'A child that asks with the id of the call that is in flight gets the client’s answer, and the client its own.',
    judge: async (trial) => {
      const running = await trial.serve();
      const session = await running.open({ capabilities: CAPABILITIES });
      const answered: unknown[] = [];
      const onMessage = ({ method, id }: Message) => {
        if (method !== 'roots/list') return;
        answered.push(id);
        void session.post({ jsonrpc: '2.0', id, result: ROOTS });
      };
      const listener = session.listen({ onMessage });
      const request = { id: 1, method: 'roots/list' };
      const call = await session.call('ask', { request }, { id: 1, onMessage, within: 5_000 });
      listener.leave();
      trial.expect(answered.length === 1, `the client is asked ${answered.length} times`);
      trial.expect(call.said?.includes('file:///answered') === true, `the call: ${call.said ?? outcome(call)}`);
      trial.saw.push('both are answered');
    },
  },
  {
    number: 23,
    part: 'Ids',
    says: 'Calls with the ids 1 and "1" at a time each get their own answer.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const [number, text] = await Promise.all([
        session.call('wait', { ms: 300 }, { id: 1, within: 5_000 }),
        session.call('wait', { ms: 100 }, { id: '1', within: 5_000 }),
      ]);
      trial.expect(number.said === 'after 300 ms', `1: ${number.said ?? outcome(number)}`);
      trial.expect(text.said === 'after 100 ms', `"1": ${text.said ?? outcome(text)}`);
      trial.saw.push('each has its own');
    },
  },
  {
    number: 24,
    part: 'Ids',
    says: 'An answer to nothing and a second answer to a call are dropped, and the session works on.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const message = { jsonrpc: '2.0', id: 4711, result: { content: [] } };
      const call = await session.call('say', { messages: [message, { ...message, id: 'nobody' }] }, { within: 5_000 });
      trial.expect(call.said === 'said', `the call: ${outcome(call)}`);
      const twice = `{"jsonrpc":"2.0","id":@ID@,"result":{"content":[]}}\n`.repeat(2);
      const second = await session.call('raw', { data: Buffer.from(twice).toString('base64') }, { within: 5_000 });
      trial.expect(second.reply?.result !== undefined, `answered twice: ${outcome(second)}`);
      trial.expect((await session.lives()) && !running.isGone, 'the next call is not answered');
      trial.saw.push('dropped');
    },
  },
  {
    number: 25,
    part: 'Ids',
    says: 'What a client answers to a child that has died reaches nobody, and harms neither the gateway nor other sessions.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const { running, session: other } = await trial.session();
      const session = await running.open({ capabilities: CAPABILITIES });
      let asked: Message['id'];
      const onMessage = ({ method, id }: Message) => {
        if (method === 'roots/list') asked = id;
      };
      const listener = session.listen({ onMessage });
      const call = session.call('ask', { request: { id: 9, method: 'roots/list' } }, { onMessage, within: 3_000 });
      trial.expect((await trial.until(() => asked !== undefined, 2_000)) !== undefined, 'the client is not asked');
      await session.call('die', {}, { within: 3_000 });
      await call;
      const late = await session.post({ jsonrpc: '2.0', id: asked ?? 9, result: ROOTS }, { within: 3_000 });
      listener.leave();
      trial.expect(late.status === 404, `the late answer: ${outcome(late)}`);
      trial.expect(!running.isGone && (await other.lives()), 'another session does not answer');
      trial.saw.push(`the late answer: ${outcome(late)}`);
    },
  },
  {
    number: 26,
    part: 'Ids',
    says: 'After a restart the new child’s request is not answered by the client’s late answer to the old one.',
    judge: async (trial) => {
      trial.needsOurs('it does not start a child again');
      const running = await trial.serve({ restart: 'permanent' });
      const session = await running.open({ capabilities: CAPABILITIES });
      const asked: Message['id'][] = [];
      const onMessage = ({ method, id }: Message) => {
        if (method === 'roots/list') asked.push(id);
      };
      const listener = session.listen({ onMessage });
      const ask = (within: number) =>
        session.call('ask', { request: { id: 0, method: 'roots/list' } }, { onMessage, within });
      const first = ask(3_000);
      await trial.until(() => asked.length === 1, 3_000);
      await session.call('die', {}, { within: 5_000 });
      await first;
      const second = ask(8_000);
      await trial.until(() => asked.length === 2, 5_000);
      await session.post({ jsonrpc: '2.0', id: asked[0] ?? 0, result: { roots: [{ uri: 'file:///late' }] } });
      await session.post({ jsonrpc: '2.0', id: asked[1] ?? 0, result: ROOTS });
      const { said } = await second;
      listener.leave();
      trial.expect(asked.length === 2, `the client is asked ${asked.length} times`);
      trial.expect(said?.includes('answered') === true && !said.includes('late'), `the new child hears ${said}`);
      trial.saw.push('it hears its own answer');
    },
  },
  {
    number: 27,
    part: 'Ids',
    says: 'Cancellations pass both ways; an answer that comes too late harms nobody.',
    judge: async (trial) => {
      const running = await trial.serve();
      const session = await running.open({ capabilities: CAPABILITIES });
      const id = newId();
      const held = session.call('hold', {}, { id, within: 2_500 });
      await trial.until(() => trial.linesWith('"hold"').length > 0);
      const params = { requestId: id, reason: 'no longer wanted' };
      await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
      const arrives = await trial.until(() => trial.linesWith('notifications/cancelled').length > 0, 2_000);
      trial.expect(arrives !== undefined, 'the child does not hear of the client’s cancellation');
      await held;
      trial.expect(await session.lives(), 'the next call is not answered');
      const messages = [
        { jsonrpc: '2.0', id: 77, method: 'roots/list' },
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 77 } },
      ];
      const heard: (string | undefined)[] = [];
      const onMessage = ({ method }: Message) => void heard.push(method);
      const listener = session.listen({ onMessage });
      await trial.until(() => false, 300);
      await session.call('say', { messages }, { onMessage, within: 3_000 });
      await trial.until(() => heard.includes('notifications/cancelled'), 2_000);
      listener.leave();
      trial.expect(heard.includes('roots/list'), 'the client does not hear of the child’s request');
      trial.expect(heard.includes('notifications/cancelled'), 'the client does not hear of its cancellation');
      trial.saw.push('both pass');
    },
  },
];
