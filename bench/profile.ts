/**
 * Where a server spends its time: groups the self time of a V8 CPU profile by whose code it is, and names the hottest
 * functions.
 */
import { readFile } from 'node:fs/promises';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The first that matches a frame's URL says whose code it is. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [/\/node_modules\/xstate\//, 'xstate'],
  [/\/node_modules\/zod\//, 'zod'],
  [/\/node_modules\/@hono\//, 'Node↔Web conversion (@hono/node-server)'],
  [/\/sdk\/dist\/esm\/server\/(streamableHttp|webStandardStreamableHttp)\./, 'SDK transport'],
  [/\/node_modules\/@modelcontextprotocol\//, 'SDK McpServer and protocol'],
  [/\/node_modules\/(ajv|ajv-formats|fast-uri)\//, 'Ajv'],
  [/\/(dist|src)\/machines\//, 'ours: machines'],
  [/\/(dist|src)\/transport\//, 'ours: transport'],
  [/\/(dist|src)\/supervisor\//, 'ours: supervisor'],
  [/\/(dist|src)\/http\//, 'ours: http'],
  [/\/(dist|src)\/stores\//, 'ours: stores'],
  [/\/(dist|src)\/(index|node|options|errors)\./, 'ours: entry and options'],
  [/\/bench\//, 'bench'],
  [/^node:internal\/(deps\/undici|webstreams|fetch)/, 'Node: fetch and web streams'],
  [
    /^node:(_http|internal\/http|net|internal\/net|internal\/stream_base|internal\/streams|internal\/js_stream)/,
    'Node: http, net, streams',
  ],
  [/^node:/, 'Node: other (timers, buffers, events, …)'],
];

function ownerOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'native code outside JS (sockets, parser, V8)';
  if (url === '') return 'V8 builtins and natives called from JS';
  return OWNERS.find(([pattern]) => pattern.test(url))?.[1] ?? 'other';
}

export interface ProfileSummary {
  /** Self time in µs by owner, most first. The time when the process had nothing to do is left out. */
  readonly owners: readonly (readonly [owner: string, micros: number])[];
  readonly functions: readonly (readonly [name: string, micros: number])[];
  readonly total: number;
}

export async function summarize(file: URL): Promise<ProfileSummary> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as Profile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const owners = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === '(idle)' || frame.functionName === '(root)') continue;
    const micros = profile.timeDeltas[index] ?? 0;
    const { functionName, url, lineNumber } = frame;
    const place =
      url === ''
        ? ''
        : ` ${url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/(dist|src)\//, '$1/')}:${lineNumber + 1}`;
    const owner = ownerOf(functionName, url);
    const name = `${functionName || '(anonymous)'}${place}`;
    owners.set(owner, (owners.get(owner) ?? 0) + micros);
    functions.set(name, (functions.get(name) ?? 0) + micros);
    total += micros;
  }
  const most = (times: Map<string, number>) => [...times].toSorted((a, b) => b[1] - a[1]);
  return { owners: most(owners), functions: most(functions), total };
}

export function profileText(title: string, { owners, functions, total }: ProfileSummary): string {
  const line = ([name, micros]: readonly [string, number]) =>
    `${((micros / total) * 100).toFixed(1).padStart(6)} %  ${(micros / 1000).toFixed(0).padStart(6)} ms  ${name}`;
  return [title, ...owners.map(line), '  hottest functions', ...functions.slice(0, 30).map(line), ''].join('\n');
}
