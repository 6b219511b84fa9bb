/**
 * `npm run peers`: runs the model test on every peer, one after the other, and writes docs/model-test-report.md. With
 * names as arguments only these, and prints instead of writing.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { modelTest } from 'mcp-session-supervisor/testing';
import { ROOT } from '../root.ts';
import { installPeers, nodeVersion, versionsOf } from './installed.ts';
import { type Tested, toMarkdown } from './markdown.ts';
import { startPeer } from './peerProcess.ts';
import { PEERS, type Peer } from './peers.ts';

const REPORT = new URL('docs/model-test-report.md', ROOT);
async function test(peer: Peer): Promise<Tested> {
  const versions = await versionsOf(peer.packages);
  const node = await nodeVersion(peer.newerNode);
  const { url, stop } = await startPeer(peer);
  try {
    const report = await modelTest({ url, idleTimeout: peer.idleTimeout, coverage: 'pairs' });
    return { peer, versions, node, report };
  } finally {
    await stop();
  }
}

const wanted = process.argv.slice(2);
await installPeers();
const tested: Tested[] = [];
for (const peer of PEERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const one = await test(peer);
  const { violations, notes, took } = one.report;
  const rules = violations.map(({ rule }) => rule).join(', ') || 'nothing wrong';
  console.log(`${peer.name}: ${rules}; ${notes.length} left open (${Math.round(took / 1_000)} s)`);
  tested.push(one);
}
const markdown = toMarkdown(tested, new Date().toISOString().slice(0, 10));
if (wanted.length > 0) {
  console.log(`\n${markdown}`);
} else {
  await mkdir(new URL('.', REPORT), { recursive: true });
  await writeFile(REPORT, markdown);
  console.log(`written: ${fileURLToPath(REPORT)}`);
}
