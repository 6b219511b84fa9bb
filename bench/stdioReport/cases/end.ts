/** How sessions and their processes end, by whom it ever is. */
import type { Case } from '../caseKind.ts';
import type { Mood, Trial } from '../trial.ts';
import { outcome } from '../wire.ts';

/** When an end is over, whatever ends it, in ms. */
const ENDED_WITHIN = 14_000;

/** Ends the session of a child in this mood, and waits until nothing is left of it. */
async function endOf(trial: Trial, mood: Mood, shell = false): Promise<void> {
  const command = shell ? ['sh', '-c', `${trial.nasty.join(' ')}; true`] : trial.nasty;
  if (!trial.gateway.perSession) trial.mood(mood);
  const running = await trial.serve({}, { command });
  trial.mood(mood);
  const session = await running.open();
  await trial.until(() => false, mood.stops ? 400 : 50);
  const by = await running.end(session, trial.gateway.perSession);
  const took = await trial.until(() => trial.living().length === 0, ENDED_WITHIN);
  const what = `${describe(mood)}${shell ? ', behind sh -c' : ''}`;
  trial.expect(took !== undefined, `${what}: lives ${ENDED_WITHIN / 1000} s after ${by}`);
  if (took !== undefined) trial.saw.push(`${what}: ${(took / 1000).toFixed(1)} s`);
  await trial.reset();
}

function describe({ ignoresEof, ignoresTerm, stops }: Mood): string {
  if (stops) return 'stopped';
  if (ignoresEof && ignoresTerm) return 'ignores both';
  return ignoresEof ? 'ignores the end of stdin' : ignoresTerm ? 'ignores SIGTERM' : 'polite';
}

const STUBBORN: readonly Mood[] = [
  { ignoresEof: true },
  { ignoresTerm: true },
  { ignoresEof: true, ignoresTerm: true },
  { stops: true },
];

export const END: readonly Case[] = [
  {
    number: 37,
    part: 'End',
    says: 'A polite child ends by the end of its stdin: it is sent no signal.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const by = await running.end(session, trial.gateway.perSession);
      await trial.expectNothingLeft(ENDED_WITHIN, by);
      const events = trial.heard().map(({ event }) => event);
      trial.expect(!events.includes('term'), 'it is sent SIGTERM');
      trial.expect(events.includes('eof'), 'its stdin is not closed');
    },
  },
  {
    number: 38,
    part: 'End',
    says: 'A child that writes 3 MB when its stdin ends is read until it is done, and ends by itself.',
    judge: async (trial) => {
      if (!trial.gateway.perSession) trial.mood({ wordy: true });
      const running = await trial.serve();
      trial.mood({ wordy: true });
      const session = await running.open();
      const by = await running.end(session, trial.gateway.perSession);
      await trial.expectNothingLeft(ENDED_WITHIN, by);
      const exits = trial.heard().filter(({ event, code }) => event === 'exit' && code === 0);
      const pids = new Set(trial.heard().map(({ pid }) => pid));
      trial.expect(exits.length === pids.size, 'it does not get to its own end');
    },
  },
  {
    number: 39,
    part: 'End',
    says: 'A child that ignores the end of stdin, SIGTERM, or both, or is stopped, is gone within 14 s.',
    judge: async (trial) => {
      for (const mood of STUBBORN) await endOf(trial, mood);
    },
  },
  {
    number: 40,
    part: 'End',
    says: 'So it is behind `sh -c`, which ends without what it has started.',
    judge: async (trial) => {
      for (const mood of STUBBORN) await endOf(trial, mood, true);
    },
  },
  {
    number: 41,
    part: 'End',
    says: 'A child that exits and leaves a process that holds its stdout: the call is answered at once, and that process ended.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const call = await session.call('abandon', {}, { within: 6_000 });
      trial.expect(call.end === 'whole' && call.status !== 0 && call.ms < 3_000, `the call: ${outcome(call)}`);
      trial.saw.push(`the call: ${outcome(call)} after ${call.ms} ms`);
      await trial.expectNothingLeft(ENDED_WITHIN, 'the exit');
    },
  },
  {
    number: 42,
    part: 'End',
    says: 'What a child started in a session of its own (setsid) is ended with it.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      await session.call('leave', { detached: true, stdio: 'ignore' });
      const by = await running.end(session, trial.gateway.perSession);
      await trial.expectNothingLeft(ENDED_WITHIN, by);
    },
  },
  {
    number: 43,
    part: 'End',
    says: 'A child that answers and exits in one go: the answer arrives.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const call = await session.call('die', { words: true, code: 1 }, { within: 5_000 });
      trial.expect(call.said === 'said before the end', outcome(call));
      trial.saw.push('it arrives');
    },
  },
  {
    number: 44,
    part: 'End',
    says: 'A crash with three calls in flight: each gets an error with the exit code, then the session is 404.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const waiting = [1, 2].map(() => session.call('wait', { ms: 60_000 }, { within: 8_000 }));
      await trial.until(() => trial.linesWith('"wait"').length >= 2);
      const calls = await Promise.all([...waiting, session.call('die', { code: 7 }, { within: 8_000 })]);
      const errors = calls.filter(({ end, reply }) => end === 'whole' && reply?.error !== undefined);
      trial.expect(errors.length === 3, `${errors.length} of 3 calls get an error; one: ${outcome(calls[0] as never)}`);
      const told = errors[0]?.reply?.error?.message ?? '';
      if (errors.length > 0) trial.expect(/\b7\b/.test(told), `the error says “${told}”`);
      const next = await session.call('echo', { text: 'x' }, { within: 5_000 });
      trial.expect(next.status === 404, `the next call: ${outcome(next)}`);
      trial.expect(!running.isGone, 'the gateway died');
      trial.saw.push(`the calls: “${told}”; the next: ${outcome(next)}`);
    },
  },
  {
    number: 45,
    part: 'End',
    says: 'A child that exits with code 0 in mid-session: its call gets an error, then the session is 404.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const call = await session.call('die', { code: 0 }, { within: 8_000 });
      trial.expect(call.end === 'whole' && call.reply?.error !== undefined, `its call: ${outcome(call)}`);
      const next = await session.call('echo', { text: 'x' }, { within: 5_000 });
      trial.expect(next.status === 404, `the next call: ${outcome(next)}`);
      trial.saw.push(`its call: ${outcome(call)}; the next: ${outcome(next)}`);
    },
  },
  {
    number: 46,
    part: 'End',
    says: 'Two DELETEs at once are one end: both are answered, nothing is left, the gateway lives.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const before = trial.living().map(({ pid }) => pid);
      const answers = await Promise.all([session.delete(), session.delete()]);
      const proper = answers.filter(({ status }) => (status >= 200 && status < 300) || status === 404).length;
      trial.expect(proper === 2, answers.map(outcome).join(', '));
      trial.expect(!running.isGone && (await (await running.open()).lives()), 'no other session opens');
      trial.saw.push(answers.map(outcome).join(' and '));
      if (!trial.gateway.perSession) return;
      const isGone = () => !trial.living().some(({ pid }) => before.includes(pid));
      trial.expect((await trial.until(isGone, ENDED_WITHIN)) !== undefined, 'the child is left');
    },
  },
  {
    number: 47,
    part: 'End',
    says: 'A second SIGTERM to the gateway, a second after the first: it ends within 15 s, and no stubborn child is left.',
    judge: async (trial) => {
      if (!trial.gateway.perSession) trial.mood({ ignoresEof: true, ignoresTerm: true });
      const running = await trial.serve();
      trial.mood({ ignoresEof: true, ignoresTerm: true });
      await running.open();
      running.signal('SIGTERM');
      await trial.until(() => false, 1_000);
      running.signal('SIGTERM');
      const took = await trial.until(() => running.isGone, 15_000);
      trial.expect(took !== undefined, 'the gateway lives on for 15 s');
      if (took !== undefined) trial.saw.push(`the gateway ends ${took} ms after the second`);
      await trial.expectNothingLeft(12_000, 'that');
    },
  },
  {
    number: 48,
    part: 'End',
    says: 'A group of which only zombies are left counts as empty.',
    judge: 'a zombie that nobody reaps looks the same whether somebody waits for it or not',
  },
  {
    number: 49,
    part: 'End',
    says: 'As process 1 of a container: DELETE leaves no living process, behind `sh -c` as well.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const command = ['sh', '-c', `${trial.nasty.join(' ')}; true`];
      const prefix = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
      const running = await trial.serve({}, { command, prefix });
      const session = await running.open();
      await session.delete(15_000);
      // The gateway has another number here than where it is process 1.
      const isServed = ({ command: line }: { command: string }) => /^\S*(sh|node \S*nasty\.js) /.test(line);
      const took = await trial.until(() => !trial.living().some(isServed), ENDED_WITHIN);
      trial.expect(took !== undefined, `processes live ${ENDED_WITHIN / 1000} s after DELETE`);
      trial.saw.push(`nothing is left ${took} ms after DELETE`);
      const next = await running.initialize();
      trial.expect(next.status === 200, `the next session: ${outcome(next)}`);
    },
  },
];
