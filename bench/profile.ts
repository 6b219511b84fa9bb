/**
 * Where a server spends its time: groups the self time of a V8 CPU profile by whose code it is, and names the hottest
 * functions. What native code takes (a system call, a regular expression) counts as its caller's.
 */
import { readFile } from 'node:fs/promises';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
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
  [/\/(dist|src)\/stdio\//, 'ours: stdio'],
  [/\/(dist|src)\/protocol\//, 'ours: protocol'],
  [/\/(dist|src)\/cli\//, 'ours: cli'],
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

/** The callers of a frame, itself first. */
type Stack = readonly CallFrame[];

function ownerOf(stack: Stack): string {
  const functionName = stack[0]?.functionName;
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'native code outside JS (sockets, parser, V8)';
  const url = stack.find((frame) => frame.url !== '')?.url;
  if (url === undefined) return 'native code that no JS called';
  return OWNERS.find(([pattern]) => pattern.test(url))?.[1] ?? 'other';
}

/** The function, where it stands, and for a native one who called it. */
function nameOf(stack: Stack): string {
  const [frame, caller] = stack;
  if (frame === undefined) return '';
  const name = frame.functionName || '(anonymous)';
  if (frame.url === '') {
    const from = caller?.functionName;
    return from === undefined || from === '' || from === '(root)' ? name : `${name} (called by ${from})`;
  }
  const file = frame.url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/(dist|bench)\//, '$1/');
  return `${name} ${file}:${frame.lineNumber + 1}`;
}

export interface ProfileSummary {
  /** Self time in µs by owner, most first. The time when the process had nothing to do is left out. */
  readonly owners: readonly (readonly [owner: string, micros: number])[];
  readonly functions: readonly (readonly [name: string, micros: number])[];
  readonly total: number;
}

export async function summarize(file: URL): Promise<ProfileSummary> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as Profile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const stackOf = (id: number): Stack => {
    const stack: CallFrame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = nodes.get(at);
      if (node !== undefined) stack.push(node.callFrame);
    }
    return stack;
  };
  const selfTimes = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    selfTimes.set(id, (selfTimes.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  const owners = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  for (const [id, micros] of selfTimes) {
    const stack = stackOf(id);
    if (stack[0]?.functionName === '(idle)' || stack[0]?.functionName === '(root)') continue;
    if (stack.some(({ functionName }) => functionName === 'startProfile')) continue; // the profiler's own
    const [owner, name] = [ownerOf(stack), nameOf(stack)];
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
