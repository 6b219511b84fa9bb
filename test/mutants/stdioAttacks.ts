/** Attacks on servers that are processes, with real ones: each takes some seconds at most, whatever the mutant does. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack, Subject } from './attacks.ts';
import {
  comesAbout,
  kill,
  type Message,
  markerName,
  runs,
  SERVER,
  type StdioSession,
  StdioWorld,
  soon,
} from './stdioWorld.ts';

type Options = ConstructorParameters<typeof StdioWorld>[2];
type Supervising = ConstructorParameters<typeof StdioWorld>[3];

/** Longer than all of an end takes with `shutdownTimeout` 800. */
const END = 2_500;

/** An attack on one session of one process. */
function on(
  name: string,
  options: Options,
  run: (world: StdioWorld, session: StdioSession, subject: Subject) => Promise<unknown>,
  supervising: (subject: Subject) => Supervising = () => ({}),
): Attack {
  return {
    name: `stdio: ${name}`,
    async run(_, subject) {
      const world = new StdioWorld(subject, await subject.stdio(), options, supervising(subject));
      try {
        return await run(world, await world.open(), subject);
      } finally {
        await world.close();
      }
    },
  };
}

/** Ends a session; undefined when one of its processes is gone then, in time. */
async function outlives({ supervisor }: StdioWorld, { id }: StdioSession, pid: number, what: string) {
  const ended = supervisor.terminate(id);
  const isGone = await comesAbout(() => !runs(pid), END);
  kill(pid);
  await ended;
  return isGone ? undefined : `${what} outlives its session`;
}

const SECRET = 'a-v4lue-that-nobody-tells';

export const STDIO_ATTACKS: readonly Attack[] = [
  on('a process that hears neither the end of stdin nor SIGTERM', { manner: 'deaf' }, async (world, session) => {
    const { pid } = await session.tell();
    return outlives(world, session, pid, 'a process that is deaf');
  }),
  on('what a process has started', {}, async (world, session) => {
    const [message] = await session.call('start', { detached: false });
    return outlives(world, session, message?.result?.pid ?? 0, 'what a process has started');
  }),
  on('what has left its group', {}, async (world, session) => {
    const [message] = await session.call('start', { detached: true });
    return outlives(world, session, message?.result?.pid ?? 0, 'what has left its group');
  }),
  on(
    'a session that is parked',
    {},
    async (_, session) => {
      const { pid } = await session.tell();
      if (!(await comesAbout(() => !runs(pid), END))) return 'a parked session keeps its process';
      const again = await session.tell();
      return again.pid === pid ? 'the same process is back' : undefined;
    },
    ({ createMemorySessionStore }) => ({ sessionStore: createMemorySessionStore(), parkAfter: 50 }),
  ),
  {
    name: 'stdio: a process whose supervisor is killed',
    async run(_, { folder }) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', VICTIM, folder, SERVER, markerName()], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await soon(firstLine(child.stdout), 10_000)) ?? ['0'];
      child.kill('SIGKILL');
      const pid = Number(line);
      const isGone = await comesAbout(() => !runs(pid), 4_000);
      kill(pid);
      return isGone && pid > 0 ? undefined : 'a process outlives a supervisor that was killed';
    },
  },
  {
    name: 'stdio: a number that another process has now',
    async run(_, { stdio }) {
      const { ProcessGroup } = await stdio();
      const child = spawn('sleep', ['30'], { detached: true, stdio: 'ignore' });
      const pid = child.pid ?? 0;
      try {
        const signalled = new ProcessGroup(pid, '1').signal('SIGTERM');
        return signalled ? 'another process is signalled, of the same number' : undefined;
      } finally {
        kill(pid);
      }
    },
  },
  {
    name: 'stdio: processes that are kept ready',
    async run(_, subject) {
      const world = new StdioWorld(subject, await subject.stdio(), { warm: 1 });
      try {
        const pids: number[] = [];
        for (let n = 0; n < 3; n++) {
          const session = await soon(world.open(), 3_000);
          if (session === undefined) return 'an initialize is not answered';
          const told = await soon(session.tell(), 2_000);
          if (told === undefined) return 'a session has no process that answers it';
          pids.push(told.pid);
        }
        return new Set(pids).size < pids.length ? 'two sessions have one process' : undefined;
      } finally {
        await world.close();
      }
    },
  },
  on('variables', { env: { TOKEN: SECRET } }, async (world, session) => {
    const { env } = await session.tell();
    await session.call('die', { code: 3 });
    if (env['TOKEN'] !== SECRET) return 'a variable is not given';
    if ('MUTANT_SECRET' in env) return 'a process has what is ours';
    const told = JSON.stringify([world.log, [...world.supervisor.sessions()]]);
    return told.includes(SECRET) ? 'the value of a variable is told' : undefined;
  }),
  on('a line that does not end', {}, async (_, session) => {
    const [message] = (await soon(session.call('flood', { bytes: 11 * 1024 * 1024 }), 5_000)) ?? [];
    return message?.error?.message.includes('wrote a line of more than') ? undefined : 'a line has no bound';
  }),
  on('a process that does not read', {}, async (_, session) => {
    void session.call('mute').catch(() => {});
    const text = 'x'.repeat(1024 * 1024);
    const calls = Array.from({ length: 10 }, () => session.call('tell', { text }));
    const [message] = (await soon(Promise.race(calls), 3_000)) ?? [];
    return message?.error?.message.includes('does not read') ? undefined : 'what waits for a process has no bound';
  }),
  on('progress of one call of two', {}, async (_, session) => {
    const waiting = session.call('wait');
    const [mine = [], others = []] = (await soon(Promise.all([session.call('progress'), waiting]), 3_000)) ?? [];
    if (others.some(({ method }) => method !== undefined)) return 'progress comes with another call';
    return mine.some(({ method }) => method === 'notifications/progress') ? undefined : 'progress is lost';
  }),
  on('an answer to a process that is gone', { restart: 'permanent' }, async (_, session) => {
    const asked: Message[] = [];
    const ask = () => session.call('ask', {}, (message) => message.method !== undefined && asked.push(message));
    const first = ask();
    await comesAbout(() => asked.length === 1, 2_000);
    await session.call('die', { code: 1 });
    await first;
    const second = ask();
    if (!(await comesAbout(() => asked.length === 2, 4_000))) return 'a process that was started again asks nobody';
    const [{ id: old } = {}, { id } = {}] = asked;
    await (await session.post({ id: old, result: { of: 'old' } })).text();
    await (await session.post({ id, result: { of: 'new' } })).text();
    const heard = (await soon(second, 2_000))?.at(-1)?.result?.heard?.of;
    return heard === 'new' ? undefined : `it hears ${heard}`;
  }),
  on('one restart, and no more', { restart: 'permanent', maxRestarts: 1 }, async (_, session) => {
    const { pid } = await session.tell();
    await session.call('die', { code: 1 });
    const again = await soon(
      session.tell().catch(() => undefined),
      3_000,
    );
    if (again === undefined || again.pid === pid) return 'it is not started again';
    const [message] = await session.call('die', { code: 1 });
    const isOver = /^Session ended: .* started again 1 times/.test(message?.error?.message ?? '');
    return isOver ? undefined : `it may be started again: ${message?.error?.message}`;
  }),
  on('what it says last', {}, async (world, session) => {
    const [message] = await session.call('complain', { text: 'a private path', code: 4 });
    const { message: why = '' } = message?.error ?? {};
    if (!why.includes('exited with code 4')) return `nobody hears why: ${why}`;
    if (why.includes('private')) return 'a client hears what stands on stderr';
    const logged = world.log.find(({ event }) => event === 'child.exited')?.['stderr'];
    return logged === 'a private path' ? undefined : 'the log has not what it said last';
  }),
  on('a flood on stderr', {}, async (world, session) => {
    await session.call('chatter', { lines: 2_000 });
    await sleep(50);
    const lines = world.log.filter(({ event }) => event === 'child.stderr').length;
    return lines <= 250 ? undefined : `${lines} lines are logged`;
  }),
];

process.env['MUTANT_SECRET'] = 'ours';

/** Serves one session of a process that goes on when its stdin ends, and tells its number. */
const VICTIM = `
const [folder, server, marker] = process.argv.slice(1);
const { createSessionSupervisor } = await import(folder + '/index.js');
const { factoryOf } = await import(folder + '/stdio/stdioServer.js');
const { resolveStdioOptions } = await import(folder + '/stdio/stdioOptions.js');
const { createProcessLauncher } = await import(folder + '/stdio/launcher.js');
const options = resolveStdioOptions({ command: process.execPath, args: ['-e', server, 'lingers'] });
let pid;
const supervisor = createSessionSupervisor({
  server: factoryOf(options, { launcher: () => createProcessLauncher({ marker }) }),
  logger: (entry) => entry.event === 'child.started' && (pid = entry.pid),
});
const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
const answer = await supervisor.fetch(new Request('http://127.0.0.1/mcp', { method: 'POST', headers, body }));
await answer.text();
console.log(pid);
setInterval(() => {}, 1e6);
`;

function firstLine(stream: NodeJS.ReadableStream): Promise<string[]> {
  return new Promise((resolve) => {
    createInterface({ input: stream })
      .once('line', (line) => resolve([line]))
      .once('close', () => resolve(['0']));
  });
}
