// @ts-check
// A client in a process of its own: `node run.js aiSdk.js`. It does as its parent tells it, and tells it what it hears.
import { argv } from 'node:process';

/**
 * What each client's module exports as `connect`: its own ways to list tools and to call one. `hear` is told of the
 * server's `notifications/message` where the client shows them: with what they say, or without where that is not shown.
 * `listen` opens a listen stream of 2026-07-28; `hear` is told how that ends.
 *
 * @typedef {{
 *   tools(): Promise<string[]>,
 *   call(name: string, args: Record<string, unknown>): Promise<string>,
 *   listen?(): Promise<void>,
 *   close(): Promise<void>,
 * }} Connected
 * @typedef {(url: string, hear: (data?: unknown) => void) => Promise<Connected>} Connect
 */

/** @type {{ connect: Connect }} */
const { connect } = await import(new URL(String(argv[2]), import.meta.url).href);

/** @param {object} message */
const tell = (message) => process.send?.(message);

/** By URL, each connected once and never again: what becomes of it is what is tried. @type {Map<string, Connected>} */
const connections = new Map();

/** @param {string} url */
function at(url) {
  const connected = connections.get(url);
  if (connected === undefined) throw new Error(`It was never connected to ${url}`);
  return connected;
}

/** @type {Record<string, (url: string, ...args: any[]) => Promise<unknown>>} */
const ways = {
  async connect(url) {
    connections.set(url, await connect(url, (data = null) => tell({ heard: data })));
  },
  tools: async (url) => at(url).tools(),
  call: async (url, name, args) => at(url).call(name, args),
  listen: async (url) => at(url).listen?.(),
  close: async (url) => at(url).close(),
};

process.on('message', async (/** @type {{ id: number, way: string, args: [string] }} */ { id, way, args }) => {
  try {
    tell({ id, result: await ways[way]?.(...args) });
  } catch (error) {
    tell({ id, error: String(error) });
  }
});
// Who has nobody to tell it what to do has nothing to do.
process.once('disconnect', () => process.exit());
tell({ ready: true });
