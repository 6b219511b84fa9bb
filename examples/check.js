// @ts-check
// Runs every example as a user would: starts it, speaks to it with the SDK's client, and stops it with SIGTERM.
// Run by `npm run examples`, which builds first. Ends with a line `N passed, N failed`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/**
 * An example: its file, the token that its clients need, and what else is checked, given the id of their session.
 * @typedef {{ file: string, token?: string, also?: (url: string, sessionId: string) => Promise<void> }} Example
 */

/** @type {Example[]} */
const EXAMPLES = [
  { file: 'nodeHttp.js' },
  { file: 'express.js' },
  { file: 'expressAuth.js', token: 'token-of-ada', also: checkUsers },
  { file: 'fastify.js' },
  { file: 'hono.js' },
];
const WITHIN = 15_000;

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @returns {Promise<T>}
 */
async function bounded(promise, what) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${WITHIN} ms`)), WITHIN);
  });
  try {
    return await /** @type {Promise<T>} */ (Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string | undefined} token */
const bearing = (token) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

/**
 * Connects a client and calls the tool in its new session.
 * @param {string} url
 * @param {string} name
 * @param {string} [token]
 */
async function greet(url, name, token) {
  const client = new Client({ name: 'examples-check', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: bearing(token) } });
  // The SDK's own types disagree about optional members under exactOptionalPropertyTypes.
  await client.connect(/** @type {import('@modelcontextprotocol/sdk/shared/transport.js').Transport} */ (transport));
  const result = await client.callTool({ name: 'greet', arguments: { name } });
  const [block] = /** @type {import('@modelcontextprotocol/sdk/types.js').CallToolResult} */ (result).content;
  const expected = `Hello, ${name}! Greeted in this session: 1.`;
  if (block?.type !== 'text' || block.text !== expected)
    throw new Error(`Unexpected result: ${JSON.stringify(result)}`);
  return { client, transport };
}

/**
 * A session is its user's: whatever the token, and nobody else's.
 * @param {string} url
 * @param {string} sessionId a session of Ada's
 */
async function checkUsers(url, sessionId) {
  const cases = [
    { token: undefined, status: 401 },
    { token: 'made-up', status: 401 },
    { token: 'token-of-grace', status: 404 },
    { token: 'next-token-of-ada', status: 200 },
  ];
  for (const { token, status } of cases) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': sessionId,
        ...bearing(token),
      },
      body: '{"jsonrpc":"2.0","id":"ping","method":"ping"}',
    });
    await answer.text();
    if (answer.status !== status) throw new Error(`${token ?? 'no token'}: ${answer.status} instead of ${status}`);
  }
}

/** @param {Example} example */
async function check({ file, token, also }) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const firstLine = once(createInterface(child.stdout), 'line').then(([line]) => String(line));
    const failed = exited.then(([code]) => Promise.reject(new Error(`ended with code ${code} before it listened`)));
    const url = await bounded(Promise.race([firstLine, failed]), 'listening');

    const first = await bounded(greet(url, 'Ada', token), 'the first session');
    if (also) await bounded(also(url, first.transport.sessionId ?? ''), 'the checks of its own');
    await bounded(first.transport.terminateSession(), 'terminating a session');
    await first.client.close();

    // A second session is open, with its GET stream, when the signal comes: the drain has something to end.
    const second = await bounded(greet(url, 'Grace', token), 'the second session');
    child.kill('SIGTERM');
    const [code, signal] = await bounded(exited, 'ending after SIGTERM');
    await second.client.close();
    if (code !== 0) throw new Error(`ended with code ${code}, signal ${signal} after SIGTERM`);
    return url;
  } finally {
    child.kill('SIGKILL');
  }
}

let passed = 0;
let failed = 0;
for (const example of EXAMPLES) {
  const name = example.file.padEnd(14);
  try {
    console.log(`ok      ${name} ${await check(example)}`);
    passed++;
  } catch (error) {
    console.log(`failed  ${name} ${error instanceof Error ? error.message : error}`);
    failed++;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
