// @ts-check
// Runs every example as a user would: starts it, speaks to it with the SDK's client, and stops it with SIGTERM.
// Run by `npm run examples`, which builds first. Ends with a line `N passed, N failed`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const EXAMPLES = ['nodeHttp.js', 'express.js', 'fastify.js', 'hono.js'];
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

/**
 * Connects a client and calls the tool in its new session.
 * @param {string} url
 * @param {string} name
 */
async function greet(url, name) {
  const client = new Client({ name: 'examples-check', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url));
  // The SDK's own types disagree about optional members under exactOptionalPropertyTypes.
  await client.connect(/** @type {import('@modelcontextprotocol/sdk/shared/transport.js').Transport} */ (transport));
  const result = await client.callTool({ name: 'greet', arguments: { name } });
  const [block] = /** @type {import('@modelcontextprotocol/sdk/types.js').CallToolResult} */ (result).content;
  const expected = `Hello, ${name}! Greeted in this session: 1.`;
  if (block?.type !== 'text' || block.text !== expected)
    throw new Error(`Unexpected result: ${JSON.stringify(result)}`);
  return { client, transport };
}

/** @param {string} file */
async function check(file) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const firstLine = once(createInterface(child.stdout), 'line').then(([line]) => String(line));
    const failed = exited.then(([code]) => Promise.reject(new Error(`ended with code ${code} before it listened`)));
    const url = await bounded(Promise.race([firstLine, failed]), 'listening');

    const first = await bounded(greet(url, 'Ada'), 'the first session');
    await bounded(first.transport.terminateSession(), 'terminating a session');
    await first.client.close();

    // A second session is open, with its GET stream, when the signal comes: the drain has something to end.
    const second = await bounded(greet(url, 'Grace'), 'the second session');
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
for (const file of EXAMPLES) {
  try {
    console.log(`ok      ${file.padEnd(12)} ${await check(file)}`);
    passed++;
  } catch (error) {
    console.log(`failed  ${file.padEnd(12)} ${error instanceof Error ? error.message : error}`);
    failed++;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
