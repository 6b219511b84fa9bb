/** Children that are started again, which of those compared here only ours can. */
import type { Case } from '../caseKind.ts';
import { outcome } from '../wire.ts';

const NONE = 'it does not start a child again';

export const RESTART: readonly Case[] = [
  {
    number: 55,
    part: 'Restart',
    says: 'Restart in OTP’s terms: never, after a failure, always.',
    judge: async (trial) => {
      trial.needsOurs(NONE);
      for (const [restart, code, lives] of [
        ['temporary', 1, false],
        ['transient', 0, false],
        ['transient', 1, true],
        ['permanent', 0, true],
      ] as const) {
        const { running, session } = await trial.session({ restart });
        await session.call('die', { code }, { within: 5_000 });
        const next = await session.call('echo', { text: 'again' }, { within: 8_000 });
        const right = lives ? next.said === 'again' : next.status === 404;
        trial.expect(right, `${restart}, exit code ${code}: ${outcome(next)}`);
        running.kill();
      }
      trial.saw.push('all four');
    },
  },
  {
    number: 56,
    part: 'Restart',
    says: 'More restarts than allowed within the time end the session.',
    judge: async (trial) => {
      trial.needsOurs(NONE);
      const { session } = await trial.session({ restart: 'permanent' });
      let deaths = 0;
      const ended = await trial.until(async () => {
        deaths++;
        return (await session.call('die', {}, { within: 10_000 })).status === 404;
      }, 40_000);
      trial.expect(ended !== undefined, 'it is started again and again');
      trial.saw.push(`404 after ${deaths - 1} deaths`);
    },
  },
  {
    number: 57,
    part: 'Restart',
    says: 'A child that was started again is told initialize, initialized, the log level and subscriptions; the client hears none of it.',
    judge: async (trial) => {
      trial.needsOurs(NONE);
      const { session } = await trial.session({ restart: 'permanent' });
      await session.post({ jsonrpc: '2.0', id: 'l', method: 'logging/setLevel', params: { level: 'warning' } });
      const params = { uri: 'file:///watched' };
      await session.post({ jsonrpc: '2.0', id: 's', method: 'resources/subscribe', params });
      const listener = session.listen();
      await session.call('die', {}, { within: 5_000 });
      trial.expect(await session.lives(10_000), 'the next call is not answered');
      const pid = trial.heard().at(-1)?.pid;
      const told = trial.heard().filter((entry) => entry.pid === pid && entry.event === 'line');
      for (const what of ['"initialize"', 'notifications/initialized', 'logging/setLevel', 'file:///watched']) {
        trial.expect(told.filter(({ text }) => text?.includes(what)).length === 1, `it is not told ${what}`);
      }
      trial.expect(listener.heard.length === 0, `the client hears ${listener.heard.length} messages`);
      listener.leave();
      trial.saw.push('told, and not heard');
    },
  },
  {
    number: 58,
    part: 'Restart',
    says: 'A child that has other capabilities after its restart ends the session.',
    judge: async (trial) => {
      trial.needsOurs(NONE);
      const { session } = await trial.session({ restart: 'permanent' });
      trial.mood({ capabilities: { logging: {} } });
      await session.call('die', {}, { within: 5_000 });
      const next = await session.call('echo', { text: 'x' }, { within: 10_000 });
      const ended = await trial.until(async () => (await session.call('echo', {})).status === 404, 5_000);
      trial.expect(ended !== undefined, `the session goes on: ${outcome(next)}`);
      trial.saw.push(`the next call: ${outcome(next)}`);
    },
  },
  {
    number: 59,
    part: 'Restart',
    says: 'DELETE while a restart waits: nothing is started, nothing is left.',
    judge: async (trial) => {
      trial.needsOurs(NONE);
      const { session } = await trial.session({ restart: 'permanent' });
      await session.call('die', {}, { within: 5_000 });
      await session.lives();
      await session.call('die', {}, { within: 5_000 }); // the next start waits for a second
      const starts = () => trial.heard().filter(({ event }) => event === 'start').length;
      const before = starts();
      await session.delete();
      await trial.until(() => false, 2_500);
      trial.expect(starts() === before, 'a child was started');
      await trial.expectNothingLeft(2_000, 'DELETE');
    },
  },
  {
    number: 60,
    part: 'Restart',
    says: 'The delay of restarts is forgotten after a time that a child was up, not when it is started.',
    judge: 'takes a clock that can be set: shown by the tests of the state machine',
  },
  {
    number: 61,
    part: 'Restart',
    says: 'History and inspector show which generation of its process a session has.',
    judge: 'not on the MCP endpoint: shown by tests',
  },
];
