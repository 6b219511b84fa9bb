/** Servers that are real processes, for attacks on what starts and ends them: one that does as it is told, and its sessions. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogEntry, SessionSupervisorOptions } from 'mcp-session-supervisor';
import type { StdioServerOptions } from 'mcp-session-supervisor/stdio';
import type { Subject } from './attacks.ts';
import type { StdioModules } from './stdioModules.ts';

/** A server on stdio. Its first argument makes it hard to end; tools are what it does. */
export const SERVER = `
const { spawn } = require('node:child_process');
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
const [manner] = process.argv.slice(1);
if (manner !== undefined) setInterval(() => {}, 1e6);
if (manner === 'deaf') process.on('SIGTERM', () => {});
const asked = new Map();
let waiting;
const tools = {
  tell: (id) => say({ id, result: { pid: process.pid, env: process.env } }),
  die: (_, { code }) => process.exit(code),
  complain: (_, { text, code }) => process.stderr.write(text, () => process.exit(code)),
  ask: (id) => { asked.set(1, id); say({ id: 1, method: 'roots/list' }); },
  wait: (id) => { waiting = id; },
  progress: (id, _, token) => {
    say({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
    say({ id, result: {} });
    say({ id: waiting, result: {} });
  },
  mute: () => process.stdin.pause(),
  flood: (_, { bytes }) => process.stdout.write('x'.repeat(bytes)),
  chatter: (id, { lines }) => process.stderr.write('line\\n'.repeat(lines), () => say({ id, result: {} })),
  start: (id, { detached }) => {
    const started = spawn('sleep', ['30'], { stdio: 'ignore', detached });
    started.unref();
    say({ id, result: { pid: started.pid } });
  },
};
let rest = '';
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    const { id, method, params = {}, result } = JSON.parse(line);
    const serverInfo = { name: 'told', version: '1' };
    if (method === 'initialize') {
      say({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo } });
    } else if (method === 'tools/call') tools[params.name](id, params.arguments, params._meta?.progressToken);
    else if (result !== undefined && asked.has(id)) say({ id: asked.get(id), result: { heard: result } });
  }
});
`;

export interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly progressToken?: unknown };
  readonly result?: { readonly pid: number; readonly env: NodeJS.ProcessEnv; readonly heard?: { readonly of: string } };
  readonly error?: { readonly message: string };
}

let worlds = 0;

/** A marker of one's own: who attacks beside us must not look for our processes. */
export const markerName = () => `MCP_SESSION_SUPERVISOR_MUTANT_${process.pid}_${++worlds}`;

export class StdioWorld {
  readonly log: LogEntry[] = [];
  readonly supervisor;

  constructor(
    { createSessionSupervisor }: Subject,
    stdio: StdioModules,
    options: Partial<StdioServerOptions> & { readonly manner?: string } = {},
    supervising: Partial<SessionSupervisorOptions> = {},
  ) {
    const { manner, ...rest } = options;
    const logger = (entry: LogEntry) => void this.log.push(entry);
    const args = ['-e', SERVER, ...(manner === undefined ? [] : [manner])];
    const given = { command: process.execPath, args, logger, ...rest };
    const marker = markerName();
    const server = stdio.factoryOf(stdio.resolveStdioOptions(given), {
      launcher: () => stdio.createProcessLauncher({ marker, log: logger }),
    });
    this.supervisor = createSessionSupervisor({ server, logger, shutdownTimeout: 800, ...supervising });
  }

  async open(): Promise<StdioSession> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
    const response = await this.post({ id: 0, method: 'initialize', params });
    const session = new StdioSession(this, response.headers.get('mcp-session-id') ?? '');
    await response.text();
    await session.post({ method: 'notifications/initialized' });
    return session;
  }

  post(message: object, id?: string): Promise<Response> {
    const headers = {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(id !== undefined && { 'mcp-session-id': id }),
    };
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    return this.supervisor.fetch(new Request('http://127.0.0.1/mcp', { method: 'POST', headers, body }));
  }

  /** Ends it, for what it takes at most. */
  async close(): Promise<void> {
    await Promise.race([this.supervisor.drain({ timeout: 0 }), sleep(2_000)]);
  }
}

export class StdioSession {
  readonly #world: StdioWorld;
  readonly id: string;
  #calls = 0;

  constructor(world: StdioWorld, id: string) {
    this.#world = world;
    this.id = id;
  }

  post(message: object): Promise<Response> {
    return this.#world.post(message, this.id);
  }

  /** The messages of a call's answer as they come; `seen` is called with each. Resolves to all of them. */
  async call(name: string, args: object = {}, seen: (message: Message) => void = () => {}): Promise<Message[]> {
    const id = ++this.#calls;
    const params = { name, arguments: args, _meta: { progressToken: `token ${id}` } };
    const response = await this.post({ id, method: 'tools/call', params });
    const messages: Message[] = [];
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const found = /^data: ?(\{.*)$/.exec(line)?.[1];
        if (found === undefined) continue;
        const message = JSON.parse(found) as Message;
        messages.push(message);
        seen(message);
      }
    }
    if (messages.length === 0 && text.startsWith('{')) messages.push(JSON.parse(text) as Message);
    return messages;
  }

  /** What its process says of itself. */
  async tell(): Promise<{ readonly pid: number; readonly env: NodeJS.ProcessEnv }> {
    const { result, error } = (await this.call('tell')).at(-1) ?? {};
    if (result === undefined) throw new Error(`No process answers: ${error?.message}`);
    return result;
  }
}

/** Whether a process runs; one that nobody has reaped does not. */
export function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Whether something comes about in so many ms. */
export async function comesAbout(what: () => boolean, within: number): Promise<boolean> {
  const deadline = performance.now() + within;
  while (!what()) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Nothing that was started is left, whatever became of an attack. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** What a promise comes to, or undefined when it takes longer than so many ms. */
export function soon<T>(promise: Promise<T>, within: number): Promise<T | undefined> {
  const late = sleep(within, undefined, { ref: false });
  return Promise.race([promise, late]);
}
