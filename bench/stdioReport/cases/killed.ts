/** What is left when the gateway is ended by SIGKILL, which nobody can handle. */
import { spawn } from 'node:child_process';
import type { Case } from '../caseKind.ts';
import { allProcesses, signal } from '../processes.ts';
import type { Running } from '../running.ts';
import type { Mood, Trial } from '../trial.ts';

const MOODS: readonly Mood[] = [{}, { ignoresEof: true }, { ignoresEof: true, ignoresTerm: true }];
const GONE_WITHIN = 12_000;

/** A gateway with a session for each mood; where one process serves all, that one is as stubborn as can be. */
async function peopled(trial: Trial): Promise<Running> {
  if (!trial.gateway.perSession) trial.mood({ ignoresEof: true, ignoresTerm: true });
  const running = await trial.serve();
  for (const mood of MOODS) {
    trial.mood(mood);
    await running.open();
  }
  return running;
}

/** Who is its child and none of those that it serves: the guardian, where there is one. */
function helpersOf(trial: Trial, running: Running): number[] {
  const served = new Set(trial.living().map(({ pid }) => pid));
  return allProcesses().flatMap(({ pid, parent }) => (parent === running.pid && !served.has(pid) ? pid : []));
}

export const KILLED: readonly Case[] = [
  {
    number: 50,
    part: 'After SIGKILL',
    says: 'After SIGKILL to the gateway no child is left, the stubborn ones included.',
    judge: async (trial) => {
      const running = await peopled(trial);
      running.signal('SIGKILL');
      await trial.expectNothingLeft(GONE_WITHIN, 'SIGKILL');
    },
  },
  {
    number: 51,
    part: 'After SIGKILL',
    says: 'The helper that ends them is replaced when it is killed, and knows all of them.',
    judge: async (trial) => {
      trial.needsOurs('it has no such helper');
      const running = await peopled(trial);
      const [first] = helpersOf(trial, running);
      if (first === undefined) return void trial.wrong.push('there is no helper');
      signal(first, 'SIGKILL');
      const isReplaced = () => helpersOf(trial, running).some((pid) => pid !== first);
      trial.expect((await trial.until(isReplaced, 8_000)) !== undefined, 'it is not replaced');
      await trial.until(() => false, 300); // it is told the list
      running.signal('SIGKILL');
      await trial.expectNothingLeft(GONE_WITHIN, 'SIGKILL');
    },
  },
  {
    number: 52,
    part: 'After SIGKILL',
    says: 'A process that has the number of a child that has gone is not touched.',
    judge: 'nobody can have the kernel give a number again at will',
  },
  {
    number: 53,
    part: 'After SIGKILL',
    says: 'What outlives the gateway, its helper and its group is ended at the next start; children of another gateway that lives stay.',
    judge: async (trial) => {
      const running = await peopled(trial);
      for (const pid of helpersOf(trial, running)) signal(pid, 'SIGSTOP');
      const helpers = helpersOf(trial, running);
      running.signal('SIGKILL');
      for (const pid of helpers) signal(pid, 'SIGKILL');
      await trial.until(() => running.isGone);
      await trial.until(() => false, 1_000);
      const left = trial.living().map(({ pid }) => pid);
      trial.mood({});
      const next = await trial.serve();
      const took = await trial.until(() => !trial.living().some(({ pid }) => left.includes(pid)), GONE_WITHIN);
      trial.expect(took !== undefined, 'they live on beside the next gateway');
      const session = await next.open();
      const third = await trial.serve();
      await trial.until(() => false, 1_500);
      trial.expect(await session.lives(), 'a child of a living gateway was ended by another’s start');
      third.kill();
      trial.saw.push('those that were left are ended, the others live');
    },
  },
  {
    number: 54,
    part: 'After SIGKILL',
    says: 'A process that merely has the text of the marker among its arguments stays.',
    judge: async (trial) => {
      trial.needsOurs('it looks for nothing that was left');
      const marker = 'MCP_SESSION_SUPERVISOR_CHILD=1:1:1:00000000-0000-0000-0000-000000000000:1:x';
      const bystander = spawn('sh', ['-c', 'sleep 60', marker], { stdio: 'ignore', detached: true });
      const running = await trial.serve();
      await (await running.open()).delete();
      await trial.until(() => false, 1_500);
      trial.expect(bystander.exitCode === null && bystander.signalCode === null, 'it was ended');
      if (bystander.pid !== undefined) signal(-bystander.pid, 'SIGKILL');
      trial.saw.push('it stays');
    },
  },
];
