/** How a session whose server is a process begins, or does not. */
import { describe, expect, test } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { stdioServer } from '../../src/stdio/index.ts';
import { serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { callBody, del, initialize, initializeBody, openStream, post } from '../support/wire.ts';
import { heardOf, noRoom, notFound, SimulatedLauncher, serveProcesses } from './simulatedProcesses.ts';

const INITIALIZE = initializeBody();

test('a session has a process of its own, which ends with it', async () => {
  const { url, launcher, supervisor } = await serveProcesses({ command: 'server', args: ['--a'], cwd: '/tmp' });
  const { headers, sessionId, response } = await initialize(url);
  expect(response.messages().at(-1)?.result.serverInfo.name).toBe('sim');
  expect(launcher.last.spec).toMatchObject({ command: 'server', args: ['--a'], cwd: '/tmp' });
  expect(launcher.last.heard.map(({ method }) => method)).toEqual(['initialize', 'notifications/initialized']);
  await initialize(url);
  expect(launcher.processes).toHaveLength(2);

  expect((await del(url, headers)).status).toBe(200);
  await until(() => launcher.living.length === 1);
  expect(launcher.processes[0]).toMatchObject({ exited: { code: 0 }, signals: [] });
  expect(supervisor.session(sessionId)).toBeUndefined();
});

describe('case 1: a command that is not there', () => {
  test('refuses the initialize, leaves no session, and is named in the log', async () => {
    const { url, launcher, log, supervisor } = await serveProcesses();
    launcher.failures.push(notFound());
    const answer = await post(url, INITIALIZE);
    expect([answer.status, answer.json().error?.code]).toEqual([500, -32603]);
    expect([...supervisor.sessions()]).toEqual([]);
    const ended = log.find(({ event }) => event === 'session.terminated');
    expect(ended).toMatchObject({ level: 'error', reason: 'crashed', error: { code: 'COMMAND_NOT_FOUND' } });
    expect(String(ended?.error)).toContain('"x"');
  });
});

describe('case 2: a process that exits at once', () => {
  test('is the error of the initialize, with its exit code; stderr is for the log alone', async () => {
    const launcher = new SimulatedLauncher();
    launcher.answer = (_, process) => {
      process.warn('cannot find module secret');
      process.exit({ code: 3, signal: null });
    };
    const { url, log, events } = await serveProcesses({}, {}, launcher);
    const answer = await post(url, INITIALIZE);
    expect(answer.status).toBe(500);
    expect(answer.json().error?.message).toBe(
      "Internal error: the server could not be started: the server's process exited with code 3",
    );
    expect(log.find(({ event }) => event === 'child.exited')).toMatchObject({
      level: 'warn',
      code: 3,
      stderr: 'cannot find module secret',
    });
    expect(log.find(({ event }) => event === 'child.stderr')?.message).toBe('cannot find module secret');
    expect(events.at(-1)?.session.history).toMatchObject([
      { event: 'child.started', generation: 1 },
      { event: 'child.exited', code: 3 },
      { event: 'terminated', reason: 'crashed' },
    ]);
  });

  test('case 68: clients are told its last words where that is wanted', async () => {
    const launcher = new SimulatedLauncher();
    launcher.answer = (_, process) => {
      process.warn('no licence');
      process.exit({ code: null, signal: 'SIGABRT' });
    };
    const { url } = await serveProcesses({ showStderr: true }, {}, launcher);
    expect((await post(url, INITIALIZE)).json().error?.message).toMatch(
      /was ended by SIGABRT; its last words: no licence$/,
    );
  });
});

describe('case 3: a mute process', () => {
  test('is given initializeTimeout, then 504, and ends', async () => {
    const clock = new SimulatedClock();
    const launcher = new SimulatedLauncher();
    launcher.answer = () => {};
    const { url } = await serveProcesses({}, { clock, initializeTimeout: 5_000 }, launcher);
    const answer = post(url, INITIALIZE);
    await until(() => launcher.processes[0]?.written.length === 1);
    clock.increment(5_000);
    expect((await answer).status).toBe(504);
    await until(() => launcher.living.length === 0);
  });
});

describe('case 4: an end while it is being started', () => {
  test('by the client that leaves, or by a drain, abandons the start', async () => {
    for (const end of ['client', 'drain']) {
      const launcher = new SimulatedLauncher();
      let open = () => {};
      launcher.gate = new Promise((resolve) => (open = resolve));
      const { url, supervisor } = await serveProcesses({}, {}, launcher);
      const opening = openStream(url, { body: INITIALIZE }).catch(() => undefined);
      await until(() => supervisor.stats().sessions.initializing === 1);
      if (end === 'drain') await supervisor.drain({ timeout: 0 });
      else await Promise.all([...supervisor.sessions()].map(({ id }) => supervisor.terminate(id)));
      await opening;
      open();
      await until(() => supervisor.stats().servers.starting === 0);
      expect(launcher.processes).toEqual([]);
    }
  });
});

describe('case 5: no room for another process', () => {
  test('is 503 with Retry-After, and other sessions are untouched', async () => {
    const { url, launcher, log } = await serveProcesses();
    const { headers } = await initialize(url);
    launcher.failures.push(noRoom());
    const answer = await post(url, INITIALIZE);
    expect([answer.status, answer.headers['retry-after'], answer.json().error]).toEqual([
      503,
      '5',
      { code: -32000, message: 'Service Unavailable: no more servers can be started now' },
    ]);
    expect(log.find(({ event }) => event === 'request.refused')).toMatchObject({ refusal: 'serverUnavailable' });
    launcher.answer = ({ id }, process) => process.say({ id, result: {} });
    expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headers)).status).toBe(200);
  });
});

test('case 6: an initialize that is answered with an error leaves no session and no process', async () => {
  const launcher = new SimulatedLauncher();
  launcher.answer = ({ id }, process) => process.say({ id, error: { code: -32602, message: 'No' } });
  const { url, supervisor } = await serveProcesses({}, {}, launcher);
  const answer = await post(url, INITIALIZE);
  expect([answer.status, answer.json().error?.message, answer.headers['mcp-session-id']]).toEqual([
    200,
    'No',
    undefined,
  ]);
  await until(() => launcher.living.length === 0);
  expect([...supervisor.sessions()]).toEqual([]);
});

test.each(['2025-03-26', '1999-01-01'])('case 7: a process may answer with another version: %s', async (version) => {
  const launcher = new SimulatedLauncher();
  launcher.answer = ({ id, method }, process) => {
    if (method === 'initialize') process.say({ id, result: { protocolVersion: version, capabilities: {} } });
  };
  const { url, supervisor } = await serveProcesses({}, {}, launcher);
  const answer = await post(url, INITIALIZE);
  expect(answer.messages().at(-1)?.result.protocolVersion).toBe(version);
  expect([...supervisor.sessions()].map(({ protocolVersion }) => protocolVersion)).toEqual([version]);
});

test('case 8: a process that dies after its initialize leaves 404', async () => {
  const { url, launcher, events } = await serveProcesses();
  const { headers } = await initialize(url, { notify: false });
  launcher.last.exit({ code: null, signal: 'SIGKILL' });
  await until(() => events.some(({ type }) => type === 'session.terminated'));
  const answer = await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
  expect(answer.status).toBe(404);
});

describe('case 10: noise before the first message', () => {
  test('is logged, and does no harm', async () => {
    const launcher = new SimulatedLauncher();
    const answer = launcher.answer;
    launcher.answer = (message, process) => {
      for (const line of ['[dotenv@17] injecting env', '42', 'null', '[]', '{}', '{"jsonrpc":"1.0"}'])
        process.say(line);
      answer(message, process);
    };
    const { url, log } = await serveProcesses({}, {}, launcher);
    await initialize(url);
    expect(log.filter(({ event }) => event === 'child.noise').map(({ message }) => message)).toContain(
      '[dotenv@17] injecting env',
    );
  });

  test('of 100 lines in a row ends the start', async () => {
    const launcher = new SimulatedLauncher();
    launcher.answer = (_, process) => {
      for (let n = 0; n < 100; n++) process.say(`line ${n}`);
    };
    const { url } = await serveProcesses({}, {}, launcher);
    const answer = await post(url, INITIALIZE);
    expect([answer.status, answer.json().error?.message]).toEqual([500, expect.stringContaining('no message')]);
    await until(() => launcher.living.length === 0);
  });
});

test('stateless calls have no process: a supervisor of them is not made, and behind a factory of one’s own they fail', async () => {
  const processes = stdioServer({ command: 'true' });
  expect(() => createSessionSupervisor({ server: processes, stateless: true })).toThrow(
    expect.objectContaining({
      code: 'CONFLICTING_OPTIONS',
      message: expect.stringMatching(
        /^stateless and this server exclude one another: .*; leave stateless out, or give /,
      ),
    }),
  );
  const { url, log } = await serve({ server: (session) => processes(session), stateless: true });
  expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(500);
  expect(log.find(({ event }) => event === 'server.failed')).toMatchObject({ error: { code: 'CONFLICTING_OPTIONS' } });
});

describe('case 67: the environment', () => {
  const ours = { PATH: '/bin', SECRET: 'hidden', TOKEN: 'named', HOME: '/home/x' };

  test('is the safe list, what is inherited by name, and what is given; no value is told', async () => {
    const options = { env: { GIVEN: 'g1v3n' }, inheritEnv: ['TOKEN'] };
    const { url, launcher, log, supervisor } = await serveProcesses(options, { env: ours });
    await initialize(url);
    expect(launcher.last.spec.env).toEqual({ PATH: '/bin', HOME: '/home/x', TOKEN: 'named', GIVEN: 'g1v3n' });
    const told = JSON.stringify([log, [...supervisor.sessions()]]);
    for (const value of ['hidden', 'named', 'g1v3n']) expect(told).not.toContain(value);
  });

  test('may be a function of the session', async () => {
    const { url, launcher } = await serveProcesses(
      { env: ({ principal, headers }) => ({ USER_ID: String(principal), VIA: String(headers['x-via']) }) },
      { principal: ({ headers }) => String(headers['x-user']) },
    );
    await initialize(url, { headers: { 'x-user': 'ada', 'x-via': 'proxy' } });
    expect(launcher.last.spec.env).toEqual({ USER_ID: 'ada', VIA: 'proxy' });
  });
});

test('a call reaches the process and its answer the client', async () => {
  const { url, launcher } = await serveProcesses();
  const { headers } = await initialize(url);
  const answer = post(url, callBody('echo', { text: 'x' }), headers);
  const { id } = await heardOf(launcher.last, 'tools/call');
  launcher.last.say({ id, result: { content: [] } });
  expect((await answer).messages()).toEqual([{ jsonrpc: '2.0', id: 1, result: { content: [] } }]);
});
