/** The facts without which a result means nothing: what ran, on what, when. */
import { readFile } from 'node:fs/promises';
import { cpus, totalmem, type } from 'node:os';
import { ROOT } from './root.ts';

async function versionOf(name: string): Promise<string> {
  const text = await readFile(new URL(`node_modules/${name}/package.json`, ROOT), 'utf8');
  return `${name} ${(JSON.parse(text) as { version: string }).version}`;
}

export async function facts(effort: string): Promise<readonly string[]> {
  const versions = await Promise.all(['@modelcontextprotocol/sdk', 'xstate', 'zod'].map(versionOf));
  return [
    `${new Date().toISOString().slice(0, 10)}, a ${effort} run`,
    `Node ${process.versions.node}, ${type()} ${process.arch}`,
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    versions.join(', '),
  ];
}
