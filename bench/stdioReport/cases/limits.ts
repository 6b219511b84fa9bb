/** Spares, the environment, and what is left of many sessions. */
import type { Case } from '../caseKind.ts';
import { environmentOf, openDescriptors, signal } from '../processes.ts';
import { NotThatFar } from '../running.ts';
import { outcome } from '../wire.ts';

const NO_SPARES = 'it keeps no spares';
const SESSIONS = 40;

export const LIMITS: readonly Case[] = [
  {
    number: 62,
    part: 'Warm',
    says: 'A spare is never handed out twice and never used again.',
    judge: async (trial) => {
      trial.needsOurs(NO_SPARES);
      const running = await trial.serve({ warm: 2 });
      const pids: unknown[] = [];
      for (let n = 0; n < 6; n++) {
        const session = await running.open();
        pids.push((await session.call('pid')).said);
        if (n % 2 === 0) await session.delete();
      }
      trial.expect(new Set(pids).size === 6, `six sessions have ${new Set(pids).size} processes`);
      trial.saw.push('six sessions, six processes');
    },
  },
  {
    number: 63,
    part: 'Warm',
    says: 'Spares that die are not replaced in a loop, and sessions open all the same when they no longer do.',
    judge: async (trial) => {
      trial.needsOurs(NO_SPARES);
      const running = await trial.serve({ warm: 2 });
      trial.mood({ start: 'crash' });
      await running.initialize();
      await running.initialize();
      const starts = () => trial.heard().filter(({ event }) => event === 'start').length;
      const before = starts();
      await trial.until(() => false, 4_000);
      const more = starts() - before;
      trial.expect(more <= 8, `${more} starts in 4 s`);
      trial.mood({});
      trial.expect(await (await running.open()).lives(), 'no session opens');
      trial.saw.push(`${more} starts in 4 s`);
    },
  },
  {
    number: 64,
    part: 'Warm',
    says: 'There are never more processes than sessions and spares.',
    judge: async (trial) => {
      trial.needsOurs(NO_SPARES);
      const running = await trial.serve({ warm: 2, maxSessions: 4 });
      let most = 0;
      let isOpening = true;
      const watch = trial.until(() => {
        most = Math.max(most, trial.living().length);
        return !isOpening;
      }, 30_000);
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 6 }, () => running.initialize({ within: 15_000 })));
      }
      isOpening = false;
      await watch;
      // Those of sessions that were evicted end meanwhile.
      trial.expect(most <= 2 * 4 + 2, `${most} processes with at most 4 sessions and 2 spares`);
      const settled = await trial.until(() => trial.living().length <= 6, 10_000);
      trial.expect(settled !== undefined, `${trial.living().length} processes remain`);
      trial.saw.push(`${most} at most, those that end included`);
    },
  },
  {
    number: 65,
    part: 'Warm',
    says: 'SIGTERM to the gateway ends the spares too.',
    judge: async (trial) => {
      trial.needsOurs(NO_SPARES);
      const running = await trial.serve({ warm: 2 });
      await trial.until(() => trial.living().length >= 2);
      running.signal('SIGTERM');
      await trial.expectNothingLeft(14_000, 'SIGTERM');
    },
  },
  {
    number: 66,
    part: 'Warm',
    says: 'A session with an environment of its own does not get a spare.',
    judge: 'an environment for each session is a function in code, which the commands compared here do not have',
  },
  {
    number: 67,
    part: 'Environment',
    says: 'A secret of the gateway’s is absent from the child; a variable that was asked for is there; no value is printed.',
    judge: async (trial) => {
      const env = { API_SECRET: 'the-secret', ASKED_FOR: 'the-value' };
      const running = await trial.serve({ logs: true, env: 'ASKED_FOR' }, { env });
      await running.open();
      const child = trial.living().find(({ command }) => /^\S*node /.test(command));
      if (child === undefined) throw new NotThatFar('there is no child');
      const variables = environmentOf(child.pid);
      trial.expect(variables['API_SECRET'] === undefined, 'the child has the gateway’s secret');
      trial.expect(variables['ASKED_FOR'] === 'the-value', 'the variable that was asked for is not there');
      trial.expect(!/the-secret|the-value/.test(running.printed), 'a value is printed');
      trial.saw.push('absent, there, and not printed');
    },
  },
  {
    number: 68,
    part: 'Environment',
    says: 'What a child wrote to stderr before it died is not told to clients unless somebody said so.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const call = await session.call('die', { stderr: 'password=hunter2' }, { within: 6_000 });
      trial.expect(!call.text.includes('hunter2'), 'the client is told');
      trial.saw.push(`the call: ${outcome(call)}`);
    },
  },
  {
    number: 69,
    part: 'Many',
    says: `After ${SESSIONS} sessions, half of whose children were killed, there are as many processes and descriptors as before.`,
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const running = await trial.serve();
      const round = async (count: number) => {
        for (let at = 0; at < count; at += 4) {
          const some = await Promise.all([1, 2, 3, 4].map(() => running.open({ within: 20_000 })));
          await Promise.all(some.map((session) => session.lives()));
          for (const { pid } of trial.living().slice(0, 2)) signal(pid, 'SIGKILL');
          await Promise.all(some.map((session) => session.delete()));
        }
        await trial.until(() => trial.living().length === 0, 14_000);
        await trial.until(() => false, 500);
      };
      await round(4);
      const before = openDescriptors(running.pid);
      await round(SESSIONS);
      trial.expect(trial.living().length === 0, `${trial.living().length} processes are left`);
      const settled = await trial.until(() => openDescriptors(running.pid) <= before + 2, 10_000);
      trial.expect(settled !== undefined, `${openDescriptors(running.pid) - before} descriptors are left`);
      trial.saw.push('as before');
    },
  },
  {
    number: 70,
    part: 'Many',
    says: `${SESSIONS} clients that open a session for one call and never DELETE: a cap holds, the oldest unused go first, all are served.`,
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const running = await trial.serve({ maxSessions: 6 });
      let most = 0;
      let served = 0;
      for (let n = 0; n < SESSIONS; n++) {
        const answer = await running.initialize({ within: 10_000 });
        const { sessionId } = answer;
        const call = {
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'echo', arguments: { text: 'x' } },
        };
        const echo = await running.wire.post(call, { sessionId, within: 5_000 });
        if (echo.status === 200) served++;
        most = Math.max(most, trial.living().length);
      }
      trial.expect(served === SESSIONS, `${served} of ${SESSIONS} are served`);
      trial.expect(most <= 12, `${most} processes`);
      trial.saw.push(`all are served, with ${most} processes at most, those that end included`);
    },
  },
];
