/**
 * Sessions that are kept, on processes that are started again: processes are killed, end and are parked, the command is
 * killed, and no session is lost. Afterwards the command holds what it held before.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { random } from '../../src/testing/random.ts';
import { useCommand } from '../cli/command.ts';
import { MortalServer } from '../processes/mortalServer.ts';
import { type Sent, send } from '../processes/send.ts';
import { ended, Family } from '../servers/served.ts';
import { until } from '../support/until.ts';
import { gaugedAs, gaugedCommand, gaugedIdle } from './gauged.ts';

const built = useCommand();
const SERVER = fileURLToPath(new URL('./fixtures/server.sh', import.meta.url));

const SESSIONS = 40;
const WORKERS = 12;
/** More of them make a session wait for seconds until it is started again. */
const MOST_CRASHES = 1;
const WITHIN = 20_000;
const VERSION = '2025-11-25';
const MORE_HEAP = 6 * 2 ** 20;

const FLAGS = ['--park-after', '400ms', '--restart', 'transient', '--shutdown-timeout', '4s'];
const IDLE = ['--http-keep-alive-timeout', '1s', '--max-sessions', '300'];

const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

test('no session is lost, and nothing is left', { timeout: 180_000 }, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const chance = random(seed);
  const directory = await mkdtemp(join(tmpdir(), 'kept-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const gauged = gaugedCommand(built);
  const command = { ...gauged, run: (args: readonly string[]) => gauged.run(args, { onEnd: (end) => ends.push(end) }) };
  const server = new MortalServer(command, [...FLAGS, ...IDLE, '--session-store', directory, '--', 'sh', SERVER]);
  const family = () => new Family(server.process.child.pid ?? 0);
  const seen = { calls: 0, crashes: 0, parked: 0, otherProcess: 0, cut: 0, deleted: 0 };

  /** Sends it until it is answered: nobody listens for a while, or the line breaks. */
  const post = async (body: object, headers: Readonly<Record<string, string>>): Promise<Sent> => {
    for (;;) {
      await server.up;
      const { generation } = server;
      const sent = await send(server.url, { method: 'POST', headers, body });
      if (!sent.refused && sent.complete) return sent;
      seen.cut++;
      // The line breaks a moment before the next process is begun.
      await until(() => generation !== server.generation, { within: WITHIN, what: 'a reason why the line broke' });
    }
  };

  const live = async () => {
    let id = 0;
    const params = { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'kept', version: '1.0.0' } };
    const opened = await post({ jsonrpc: '2.0', id: id++, method: 'initialize', params }, {});
    expect(opened.status).toBe(200);
    const headers = { 'mcp-session-id': opened.sessionId ?? '', 'mcp-protocol-version': VERSION };
    await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
    const call = async (name: string) => {
      const asked = { name, arguments: {}, _meta: { progressToken: 'p' } };
      const sent = await post({ jsonrpc: '2.0', id: id++, method: 'tools/call', params: asked }, headers);
      if (sent.status !== 200) throw new Error(`${name} got ${sent.status} ${JSON.stringify(sent.messages)}`);
      seen.calls++;
      return sent.messages.at(-1);
    };
    let [pid, crashes] = [0, 0];
    for (let n = 0; n < 6; n++) {
      const answer = await call('echo');
      if (answer?.result === undefined) throw new Error(`echo got ${JSON.stringify(answer)}`);
      if (pid !== 0 && answer.result.pid !== pid) seen.otherProcess++;
      pid = answer.result.pid;
      const choice = chance();
      if (choice < 0.2 && crashes < MOST_CRASHES) {
        crashes++;
        seen.crashes++;
        // Of the command that was killed meanwhile, the error may be another one.
        expect((await call('exit'))?.error?.message).toBeTypeOf('string');
      } else if (choice < 0.5) {
        await passing(500 + chance() * 500); // so long that it is parked, or nearly
        seen.parked++;
      }
    }
    const gone = await send(server.url, { method: 'DELETE', headers });
    if (gone.status !== undefined) expect(gone.status).toBe(200);
    seen.deleted++;
  };
  const lives = async (count: number) => {
    let begun = 0;
    const work = async () => {
      while (begun++ < count) await live();
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
  };

  await server.start();
  const first = family();
  const living = lives(SESSIONS / 2);
  living.catch(() => {}); // told below
  await passing(1_000 + chance() * 1_000); // at any moment
  await server.kill();
  await server.start();
  await living;
  expect(await first.gone()).toEqual([]);

  expect(await family().gone()).toEqual([]);
  const before = await gaugedIdle(server.process);
  await lives(SESSIONS);
  expect(await family().gone()).toEqual([]);
  const after = await gaugedAs(server.process, before);
  console.log(JSON.stringify({ ...seen, before, after }));
  expect(after.heapUsed - before.heapUsed).toBeLessThan(MORE_HEAP);
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);

  const guardian = family().guardian() ?? 0;
  expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  await ended(guardian);
});
