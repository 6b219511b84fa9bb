/** How sessions start, and what is left where they do not. */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../caseKind.ts';
import type { Wishes } from '../gateways.ts';
import { openDescriptors } from '../processes.ts';
import type { Running } from '../running.ts';
import type { Mood, Trial } from '../trial.ts';
import { type Answer, oneConnection, outcome } from '../wire.ts';

/** How long an initialize may take where that can be set, in ms. */
const INITIALIZE = 4_000;
/** So that who only ends what is idle has a chance to. In ms. */
const IDLE = 5_000;
/** When a client is left waiting. */
const TOO_LONG = 10_000;

/**
 * An initialize that meets a child in this mood. Where one process serves all sessions, that is the start of the gateway:
 * there is an answer only if it gets to listen.
 */
async function openIn(trial: Trial, mood: Mood, wishes: Wishes = {}) {
  const asked = { initializeTimeout: INITIALIZE, idleTimeout: IDLE, ...wishes };
  if (!trial.gateway.perSession) {
    trial.mood(mood);
    const running = await trial.start(asked);
    return { running, answer: running.listens ? await running.initialize({ within: TOO_LONG }) : undefined };
  }
  const running = await trial.serve(asked);
  await trial.until(() => trial.living().length === 0); // a probe
  trial.mood(mood);
  return { running, answer: await running.initialize({ within: TOO_LONG }) };
}

const isRefusal = ({ end, status, messages }: Answer) =>
  end === 'whole' && (status >= 400 || messages.some(({ error }) => error !== undefined));

/** The session is refused, within the time; or the gateway ends at its start. */
function expectRefused(trial: Trial, running: Running, answer: Answer | undefined): void {
  if (answer === undefined) {
    trial.expect(running.isGone, 'does not listen, and does not end');
    trial.saw.push(`ends at its start: ${lastLine(running.printed)}`);
    return;
  }
  trial.expect(answer.end === 'whole', outcome(answer));
  trial.expect(!answer.messages.some(({ result }) => result !== undefined), 'initialize gets a result');
  if (answer.end === 'whole') trial.saw.push(`initialize: ${outcome(answer)} after ${answer.ms} ms`);
}

/** What it says of its end: the first line that speaks of an error, or the last. */
function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.find((line) => /error|failed|exited/i.test(line)) ?? lines.at(-1) ?? '').slice(0, 200);
}

export const START: readonly Case[] = [
  {
    number: 1,
    part: 'Start',
    says: 'A command that is not there, may not be run, or has gone since: the gateway or the initialize is refused, and the log names the command.',
    judge: async (trial) => {
      const script = join(trial.folder, 'server.sh');
      for (const [what, prepare] of [
        ['a command that is not there', () => {}],
        ['a file that may not be run', () => writeFileSync(script, '#!/bin/sh\n', { mode: 0o644 })],
      ] as const) {
        prepare();
        const running = await trial.start({ logs: true, initializeTimeout: INITIALIZE }, { command: [script] });
        const answer = running.listens ? await running.initialize({ within: TOO_LONG }) : undefined;
        const told = answer === undefined ? running.isGone : isRefusal(answer);
        trial.expect(told, `${what}: ${answer === undefined ? 'neither listens nor ends' : outcome(answer)}`);
        if (told) trial.saw.push(`${what}: ${answer === undefined ? 'ends at its start' : outcome(answer)}`);
        trial.expect(running.printed.includes('server.sh'), `${what}: the log does not name it`);
        running.kill();
      }
      if (!trial.gateway.perSession) return;
      writeFileSync(script, `#!/bin/sh\nexec ${trial.nasty.join(' ')}\n`);
      chmodSync(script, 0o755);
      const running = await trial.serve({ logs: true, initializeTimeout: INITIALIZE }, { command: [script] });
      rmSync(script);
      const answer = await running.initialize({ within: TOO_LONG });
      trial.expect(isRefusal(answer), `a command that has gone: ${outcome(answer)}`);
      trial.expect(!running.isGone, 'the gateway died');
      trial.saw.push(`gone since: ${outcome(answer)}`);
    },
  },
  {
    number: 2,
    part: 'Start',
    says: 'A child that exits at once: the error of initialize has its exit code, the log its last words.',
    judge: async (trial) => {
      const { running, answer } = await openIn(trial, { start: 'crash' }, { logs: true });
      expectRefused(trial, running, answer);
      const told = answer?.text ?? running.printed;
      trial.expect(/\b(code:? 3|status 3|exit(ed)?[^\n]{0,20}\b3)\b/.test(told), 'nobody is told the exit code');
      trial.expect(running.printed.includes('tell-tale'), 'its last words are in no log');
    },
  },
  {
    number: 3,
    part: 'Start',
    says: 'A mute child: initialize is refused within a time that can be set, and the child is gone.',
    judge: async (trial) => {
      const { running, answer } = await openIn(trial, { start: 'mute', ignoresEof: true });
      expectRefused(trial, running, answer);
      await trial.expectNothingLeft(15_000, 'that');
    },
  },
  {
    number: 4,
    part: 'Start',
    says: 'The client leaves, or the gateway gets SIGTERM, while a child is starting: no child is left.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const running = await trial.serve({ idleTimeout: IDLE });
      trial.mood({ startMs: 60_000, ignoresEof: true });
      const leaving = new AbortController();
      const left = running.initialize({ signal: leaving.signal });
      await trial.until(() => trial.living().length > 0);
      leaving.abort();
      await left;
      await trial.expectNothingLeft(15_000, 'the client left');
      const waiting = running.initialize({ within: 15_000 });
      await trial.until(() => trial.living().length > 0);
      running.signal('SIGTERM');
      await trial.expectNothingLeft(15_000, 'SIGTERM');
      await waiting;
    },
  },
  {
    number: 5,
    part: 'Start',
    says: 'No descriptor is left for another child: initialize gets 503, other sessions and the gateway live.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const running = await trial.serve();
      const agent = oneConnection();
      const first = await running.open({ agent });
      const limit = openDescriptors(running.pid) + 20;
      execFileSync('prlimit', ['--pid', String(running.pid), `--nofile=${limit}:${limit}`]);
      let refusal: Answer | undefined;
      for (let n = 0; n < 16 && refusal === undefined && !running.isGone; n++) {
        const answer = await running.initialize({ agent, within: 5_000 });
        if (answer.status !== 200) refusal = answer;
      }
      await trial.until(() => running.isGone, 1_000);
      trial.expect(!running.isGone, 'the gateway died, with everybody’s sessions');
      if (refusal === undefined) trial.wrong.push('sixteen sessions opened with twenty descriptors');
      else {
        trial.expect(refusal.status === 503, `the refusal is ${outcome(refusal)}`);
        trial.saw.push(`refused: ${outcome(refusal)}`);
      }
      if (running.isGone) return;
      const still = await first.call('echo', { text: 'alive' }, { agent, within: 5_000 });
      trial.expect(still.said === 'alive', `the first session: ${outcome(still)}`);
    },
  },
  {
    number: 6,
    part: 'Start',
    says: 'An initialize that the child answers with an error passes as it is, and leaves no session and no child.',
    judge: async (trial) => {
      const { running, answer } = await openIn(trial, { start: 'error' });
      expectRefused(trial, running, answer);
      trial.expect((answer?.text ?? running.printed).includes('this server refuses'), 'the error does not arrive');
      const sessionId = answer?.sessionId;
      if (sessionId !== undefined) {
        const next = await running.wire.post(
          { jsonrpc: '2.0', id: 'next', method: 'ping' },
          { sessionId, within: 3_000 },
        );
        trial.expect(next.status === 404, `the session goes on: ${outcome(next)}`);
      }
      await trial.expectNothingLeft(15_000, 'the refusal');
    },
  },
  {
    number: 7,
    part: 'Start',
    says: 'A child that answers with an older protocol version, or one that nobody knows: the client is told that version.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const running = await trial.serve({ initializeTimeout: INITIALIZE });
      for (const version of ['2025-03-26', '1999-01-01']) {
        trial.mood({ version });
        const answer = await running.initialize({ within: TOO_LONG });
        const told = answer.messages[0]?.result?.['protocolVersion'];
        trial.expect(told === version, `${version}: ${told ?? outcome(answer)}`);
      }
      trial.saw.push('both are told');
    },
  },
  {
    number: 8,
    part: 'Start',
    says: 'A child that dies right after its initialize: what the client sends next gets 404.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const running = await trial.serve();
      trial.mood({ start: 'dies' });
      const answer = await running.initialize();
      await trial.until(() => trial.living().length === 0);
      const { sessionId } = answer;
      const call = { jsonrpc: '2.0', id: 'next', method: 'tools/call', params: { name: 'echo', arguments: {} } };
      const next = await running.wire.post(call, { sessionId, within: 5_000 });
      trial.expect(next.status === 404, `the next call: ${outcome(next)}`);
      trial.saw.push(`the next call: ${outcome(next)}`);
    },
  },
  {
    number: 9,
    part: 'Start',
    says: 'Twenty sessions at once: all open, and calls of another session are answered within two seconds meanwhile.',
    judge: async (trial) => {
      trial.needsProcessPerSession();
      const { running, session } = await trial.session();
      for (let n = 0; n < 20; n++) await session.call('echo', { text: 'warm up' });
      let isOpening = true;
      let slowest = 0;
      const watch = (async () => {
        while (isOpening) slowest = Math.max(slowest, (await session.call('echo', { text: 'x' })).ms);
      })();
      const answers = await Promise.all(Array.from({ length: 20 }, () => running.initialize({ within: 45_000 })));
      isOpening = false;
      await watch;
      const opened = answers.filter(({ sessionId, status }) => status === 200 && sessionId !== undefined).length;
      trial.expect(opened === 20, `${opened} of 20 open`);
      trial.expect(slowest <= 2_000, `a call took ${slowest} ms`);
      trial.saw.push(`the slowest call took ${slowest} ms`);
    },
  },
  {
    number: 10,
    part: 'Start',
    says: 'A BOM, a banner, blank lines and a log line on stdout before the first message harm nobody.',
    judge: async (trial) => {
      const { running, answer } = await openIn(trial, { start: 'noisy' });
      if (answer === undefined) return void trial.wrong.push(`does not start: ${lastLine(running.printed)}`);
      trial.expect(answer.status === 200 && answer.end === 'whole', outcome(answer));
      trial.expect(await (await running.open()).lives(), 'a call is not answered');
      trial.saw.push('the session opens and works');
    },
  },
];
