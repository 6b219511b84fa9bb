// @ts-check
// The whole life of a session: the MCP project's reference server behind our command, with an idle timeout of two
// seconds, and the SDK's own client; and how a session survives that the server is killed. Run by `npm run demo`, which builds first. Exit code 1 if anything goes otherwise.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as passing } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** @typedef {import('@modelcontextprotocol/sdk/client/streamableHttp.js').StreamableHTTPClientTransportOptions} Options */

const REFERENCE_SERVER = '@modelcontextprotocol/server-everything/dist/server/index.js';
const IDLE_TIMEOUT = 2_000;
/** A wait that takes longer has failed. */
const WITHIN = 10_000;

// ---------------------------------------------------------------------------------------------------- what is printed

/** @type {{ time: string, text: string }[]} */
let unprinted = [];

/** How long a line waits for an older one of the other process, in ms. */
const SORTED_WITHIN = 50;

/** Prints what has waited long enough, in the order of its time: the server's lines come through a pipe. */
function print(age = SORTED_WITHIN) {
  const due = clockTime(Date.now() - age);
  const ready = unprinted
    .filter(({ time }) => time <= due)
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  unprinted = unprinted.filter(({ time }) => time > due);
  for (const { text } of ready) console.log(text);
}
setInterval(() => print(), SORTED_WITHIN).unref();

/** @param {number} milliseconds */
function clockTime(milliseconds) {
  const date = new Date(milliseconds);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/**
 * @param {string} who
 * @param {string} text
 * @param {string} [time]
 */
const say = (who, text, time = clockTime(Date.now())) => unprinted.push({ time, text: `${time}  ${who}  ${text}` });

/** @param {string} text */
const chapter = (text) => unprinted.push({ time: clockTime(Date.now()), text: `\n# ${text}` });

// --------------------------------------------------------------------------------------------------------- the server

const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const store = await mkdtemp(join(tmpdir(), 'demo-sessions-'));
const flags = [
  ...['--session-idle-timeout', `${IDLE_TIMEOUT}ms`],
  ...['--session-store', store, '--resumable', '--retry-interval', '4s'],
];

/** @type {string[]} */
const serverLines = [];
/** @type {(() => void)[]} */
const waiting = [];

/** @param {string} port */
function start(port) {
  const args = [command, REFERENCE_SERVER, '--port', port, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  serverLines.length = 0;
  createInterface(child.stdout).on('line', (line) => {
    serverLines.push(line);
    // A line of the log has its own time; the greeting has none.
    const [, time, text] = /^([\d:.]{12}) {2}(.*)$/.exec(line) ?? [];
    if (text !== undefined) say('server', text, time);
    else if (line !== '') unprinted.push({ time: clockTime(Date.now()), text: line });
    for (const wake of waiting.splice(0)) wake();
  });
  return { child, exited: once(child, 'exit') };
}

let server = start('0');

/**
 * Resolves when the server has printed what is looked for.
 * @template T
 * @param {() => T | undefined | false} look
 * @param {string} what
 * @returns {Promise<T>}
 */
async function printed(look, what) {
  const late = AbortSignal.timeout(WITHIN);
  for (;;) {
    const found = look();
    if (found) return found;
    await new Promise((resolve, reject) => {
      waiting.push(() => resolve(undefined));
      late.addEventListener('abort', () => reject(new Error(`The server never printed ${what}`)), { once: true });
      server.exited.then(([code]) =>
        reject(new Error(`The server ended with code ${code} instead of printing ${what}`)),
      );
    });
  }
}

/**
 * What the server has printed of a session.
 * @param {string} sessionId
 */
const linesOf = (sessionId) => serverLines.filter((line) => line.includes(`  ${sessionId.slice(0, 8)}  `));

/**
 * Resolves to the line that tells of the newest step of a session, once that is the step looked for.
 * @param {string} sessionId
 * @param {'opened' | 'active' | 'idle' | 'terminated'} step
 */
const reached = (sessionId, step) =>
  printed(
    () => linesOf(sessionId).findLast((line, index, all) => index === all.length - 1 && line.includes(`  ${step} `)),
    step,
  );

const DAY = 86_400_000;

/**
 * When a line was written, in ms since midnight.
 * @param {string} line
 */
const timeOf = (line) => Date.parse(`1970-01-01T${line.slice(0, 12)}Z`);

// --------------------------------------------------------------------------------------------------------- the client

/** A client that opens no listening stream (GET), as many do: only its calls hold its session. */
const withoutStream = {
  /** @type {NonNullable<Options['fetch']>} */
  fetch: (url, init) =>
    init?.method === 'GET' ? Promise.resolve(new Response(null, { status: 405 })) : fetch(url, init),
};

/**
 * Opens a session.
 * @param {string} url
 * @param {Options} [options]
 */
async function open(url, options) {
  const client = new Client({ name: 'demo', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), options);
  say('client', 'initialize');
  // The SDK's own types disagree about optional members under exactOptionalPropertyTypes.
  await client.connect(/** @type {import('@modelcontextprotocol/sdk/shared/transport.js').Transport} */ (transport));
  const { sessionId } = transport;
  assert(sessionId, 'the initialize gave no session id');
  say('client', `session ${sessionId.slice(0, 8)} with ${client.getServerVersion()?.name}`);
  return { client, transport, sessionId };
}

/**
 * Calls a tool; its text.
 * @param {Client} client
 * @param {string} name
 * @param {Record<string, unknown>} args
 * @param {import('@modelcontextprotocol/sdk/shared/protocol.js').RequestOptions} [options]
 */
async function call(client, name, args, options) {
  say('client', `call ${name} ${JSON.stringify(args)}`);
  const started = performance.now();
  const result = await client.callTool({ name, arguments: args }, undefined, options);
  const [block] = /** @type {import('@modelcontextprotocol/sdk/types.js').CallToolResult} */ (result).content;
  assert(block?.type === 'text', `unexpected content: ${JSON.stringify(result)}`);
  const took = performance.now() - started;
  say(
    'client',
    `answered after ${took < 1_000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(1)} s`}: ${block.text}`,
  );
  return { text: block.text, took };
}

// ----------------------------------------------------------------------------------------------------------- the life

/** Resolves to where the server listens, when it does. */
async function greeted() {
  const url = await printed(() => serverLines.join('\n').match(/endpoint +(http:\S+)/)?.[1], 'where it listens');
  await printed(() => serverLines.includes(''), 'its greeting');
  return url;
}

async function life() {
  const url = await greeted();

  chapter('A session is opened');
  const first = await open(url, withoutStream);
  const { client, sessionId } = first;
  await reached(sessionId, 'idle');

  chapter('Short calls: active while one is in flight, idle after it');
  say('client', 'list the tools');
  const { tools } = await client.listTools();
  assert(
    tools.some(({ name }) => name === 'echo'),
    'there is no echo tool',
  );
  say(
    'client',
    `${tools.length} tools, such as ${tools
      .slice(0, 3)
      .map(({ name }) => name)
      .join(', ')}`,
  );
  await reached(sessionId, 'idle');
  assert.equal((await call(client, 'echo', { message: 'hello' })).text, 'Echo: hello');
  await reached(sessionId, 'idle');

  chapter('Progress on the stream of its call');
  /** @type {number[]} */
  const steps = [];
  await call(
    client,
    'trigger-long-running-operation',
    { duration: 1, steps: 4 },
    {
      onprogress: ({ progress, total }) => {
        steps.push(progress);
        say('client', `progress ${progress} of ${total}`);
      },
    },
  );
  assert.deepEqual(steps, [1, 2, 3, 4], 'the progress was not complete');
  await reached(sessionId, 'idle');

  chapter('A silent call of three times the idle timeout is not cut');
  const seconds = (3 * IDLE_TIMEOUT) / 1000;
  const { text, took } = await call(client, 'trigger-long-running-operation', { duration: seconds, steps: 1 });
  assert.match(text, /completed/);
  assert(took >= 3 * IDLE_TIMEOUT - 50, `it took only ${took} ms`);

  chapter('Nothing in flight: after the idle timeout the session ends');
  const idle = timeOf(await reached(sessionId, 'idle'));
  const terminated = await reached(sessionId, 'terminated');
  assert.match(terminated, / idle, after /);
  const idleFor = (timeOf(terminated) - idle + DAY) % DAY;
  // A timer is never early, but the time of a line is rounded.
  assert(idleFor >= IDLE_TIMEOUT - 5 && idleFor < IDLE_TIMEOUT + 1_000, `it ended after ${idleFor} ms`);

  chapter('Its id is gone for good, and the client is told so');
  const error = await client.listTools().then(
    () => assert.fail('an ended session answered'),
    (reason) => /** @type {Error & { code?: unknown }} */ (reason),
  );
  assert.equal(error.code, 404, `unexpected answer: ${error.message}`);
  say('client', `404: ${error.message}`);
  await client.close();

  chapter('So it opens another one, now with a listening stream, which holds the session');
  const second = await open(url);
  assert.notEqual(second.sessionId, sessionId);
  say('client', `nothing is asked for ${(1.25 * IDLE_TIMEOUT) / 1000} s`);
  await passing(1.25 * IDLE_TIMEOUT);
  assert.equal((await call(second.client, 'echo', { message: 'still here' })).text, 'Echo: still here');

  chapter('The client ends it itself');
  say('client', 'DELETE');
  await second.transport.terminateSession();
  assert.match(await reached(second.sessionId, 'terminated'), / deleted, after /);
  await second.client.close();

  chapter('The server is killed in the midst of a call, and started again');
  const third = await open(url);
  await call(third.client, 'echo', { message: 'before' });
  let progressed = () => {};
  const begun = new Promise((resolve) => {
    progressed = () => resolve(undefined);
  });
  const slow = { duration: 60, steps: 120 };
  const watched = { onprogress: () => progressed(), timeout: 4 * WITHIN };
  const cut = call(third.client, 'trigger-long-running-operation', slow, watched).then(
    () => assert.fail('a call that was cut off was answered'),
    (reason) => /** @type {Error} */ (reason),
  );
  // With its first progress its stream has begun, so the client can come back to it.
  await begun;
  say('demo', 'kill -9');
  server.child.kill('SIGKILL');
  await server.exited;
  server = start(new URL(url).port);
  assert.equal(await greeted(), url);
  assert(
    serverLines.some((line) => /sessions .*; found 1$/.test(line)),
    'the session was not found',
  );

  chapter('Nobody can answer the call any more, and its client is told so when it resumes the stream');
  const { message } = await cut;
  say('client', `the call has failed: ${message}`);
  assert.match(message, /restarted before it had answered/);

  chapter('Of the rest it notices nothing: the session goes on, with another server');
  assert(
    linesOf(third.sessionId).some((line) => line.includes('  restored ')),
    'the session was not brought back',
  );
  assert.equal((await call(third.client, 'echo', { message: 'after' })).text, 'Echo: after');
  assert.equal(third.transport.sessionId, third.sessionId);

  chapter('The server is told to stop: it keeps the session for its next start');
  server.child.kill('SIGTERM');
  const stopped = await printed(() => serverLines.find((line) => line.includes('  stopped after ')), 'that it stopped');
  assert.match(stopped, /1 session kept for the next start/);
  const [code] = await server.exited;
  assert.equal(code, 0, `the server ended with code ${code}`);
  await third.client.close();
}

try {
  await life();
  print(0);
  console.log('\nEverything went as it should.');
} catch (error) {
  print(0);
  console.error(`\nfailed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  server.child.kill('SIGKILL');
  await rm(store, { recursive: true, force: true });
}
