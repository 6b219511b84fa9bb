/**
 * A server on stdio that does on request what servers on stdio do by accident, and writes down what it hears. It is given
 * a folder: `mood` in it says how the next one behaves, and each keeps a `log-<pid>` there. It has no dependencies, so
 * that it starts at once.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const mood = JSON.parse(readFileSync(join(folder, 'mood'), 'utf8'));
const LONGEST_LOGGED = 4_000;

const log = (event, more = {}) =>
  appendFileSync(join(folder, `log-${process.pid}`), `${JSON.stringify({ at: Date.now(), event, ...more })}\n`);

const write = (data, then) => process.stdout.write(data, then);
const say = (message) => write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const answer = (id, text) => say({ id, result: { content: [{ type: 'text', text: String(text) }] } });

function exit(code) {
  log('exit', { code });
  process.exit(code);
}

/** Writes all of it, and nothing else happens meanwhile. */
function writeNow(data) {
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(1, data, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

/** A process of its own that does nothing: in our group, or in a session of its own. */
function leave({ detached = false, stdio = 'inherit' } = {}) {
  spawn('tail', ['-f', join(folder, 'mood')], { detached, stdio: ['ignore', stdio, 'ignore'] }).unref();
}

const TOOLS = {
  echo: (id, { text }) => answer(id, text),
  pid: (id) => answer(id, process.pid),
  wait: (id, { ms }) => void setTimeout(() => answer(id, `after ${ms} ms`), ms),
  /** Answers when it is cancelled, which is too late. */
  hold: (id) => held.add(id),
  /** Writes the bytes as they are, with the id of the call for `@ID@`, so many at a time. */
  raw: async (id, { data, every = Number.POSITIVE_INFINITY, gap = 0, exitCode }) => {
    const text = Buffer.from(data, 'base64').toString('latin1').replaceAll('@ID@', JSON.stringify(id));
    const bytes = Buffer.from(text, 'latin1');
    const size = Math.min(every, bytes.length);
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise((resolve) => write(bytes.subarray(at, at + size), resolve));
      if (gap > 0) await new Promise((resolve) => setTimeout(resolve, gap));
    }
    if (exitCode !== undefined) exit(exitCode);
  },
  big: (id, { bytes }) => answer(id, 'x'.repeat(bytes)),
  /** A line that does not end, unless it can't be written. */
  endless: (_id, { bytes }) => {
    const part = Buffer.alloc(1024 * 1024, 'x');
    let left = bytes / part.length;
    const next = () => left-- > 0 && write(part, next);
    next();
  },
  die: (id, { code = 1, stderr = 'last words', words = false }) => {
    if (words) answer(id, 'said before the end');
    process.stderr.write(`${stderr}\n`, () => exit(code));
  },
  /** Asks the client, and answers with what the client says. */
  ask: (id, { request, times = 1 }) => {
    for (let time = 0; time < times; time++) say(request);
    asked.set(JSON.stringify(request.id), (reply) => answer(id, JSON.stringify(reply)));
  },
  say: (id, { messages, before = true }) => {
    if (!before) answer(id, 'said');
    for (const message of messages) say(message);
    if (before) answer(id, 'said');
  },
  /** As fast as it is read. */
  progress: async (id, { count = 1, size = 0, ms = 0 }, token) => {
    for (let n = 0; n < count; n++) {
      const params = { progressToken: token, progress: n, message: 'x'.repeat(size) };
      const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
      await new Promise((resolve) => write(`${line}\n`, resolve));
    }
    setTimeout(() => answer(id, 'progressed'), ms);
  },
  deaf: (id) => {
    answer(id, 'deaf from now on');
    process.stdin.pause();
    setInterval(() => {}, 60_000);
  },
  closeStdin: (id) => {
    answer(id, 'closed');
    setTimeout(() => {
      process.stdin.pause();
      closeSync(0); // destroy() would leave it open
      setInterval(() => {}, 60_000);
    }, 50);
  },
  closeStdout: () => closeSync(1),
  stderr: (id, { bytes }) => {
    const line = `${'complaint '.repeat(20)}\n`;
    process.stderr.write(line.repeat(Math.ceil(bytes / line.length)), () => answer(id, 'not blocked'));
  },
  leave: (id, options) => {
    leave(options);
    answer(id, 'left');
  },
  /** Exits at once and leaves somebody in its group who holds its stdout. */
  abandon: () => {
    leave();
    exit(5);
  },
};

const held = new Set();
const asked = new Map();

function initialize(id, { protocolVersion }) {
  if (mood.start === 'mute') return;
  if (mood.start === 'error') return say({ id, error: { code: -32_001, message: 'this server refuses' } });
  const result = {
    protocolVersion: mood.version ?? protocolVersion,
    capabilities: mood.capabilities ?? { tools: {}, logging: {}, resources: { subscribe: true } },
    serverInfo: { name: 'nasty', version: '1.0.0' },
  };
  setTimeout(() => {
    if (mood.start === 'dies') write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`, () => exit(4));
    else say({ id, result });
  }, mood.startMs ?? 0);
}

function heard(message) {
  if (Array.isArray(message)) return message.forEach(heard);
  const { id, method, params = {} } = message;
  if (method === 'initialize') return initialize(id, params);
  if (method === 'tools/call') return void TOOLS[params.name](id, params.arguments ?? {}, params._meta?.progressToken);
  if (method === 'tools/list') return say({ id, result: { tools: [] } });
  if (method === 'notifications/initialized') {
    if (mood.asksRoots) {
      asked.set('"roots"', (reply) => log('roots', { reply }));
      say({ id: 'roots', method: 'roots/list' });
    }
    if (mood.stops) setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 100);
    return;
  }
  if (method === 'notifications/cancelled') {
    if (held.delete(params.requestId)) answer(params.requestId, 'too late');
    return;
  }
  if (method !== undefined) return id === undefined ? undefined : say({ id, result: {} });
  asked.get(JSON.stringify(id))?.(message);
}

log('start', { mood });
process.on('SIGTERM', () => {
  log('term');
  if (!mood.ignoresTerm) exit(143);
});
if (mood.start === 'crash') {
  process.stderr.write('no configuration found: tell-tale\n', () => exit(3));
} else {
  if (mood.start === 'noisy') write('\uFEFFWelcome to a server\n\n[dotenv] injected 3 variables\n{"level":"info"}\n');
  if (mood.leaves) leave(mood.leaves);
  if (mood.ignoresEof) setInterval(() => {}, 60_000);
  let rest = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      log('line', { text: line.slice(0, LONGEST_LOGGED) });
      if (line.trim() !== '') heard(JSON.parse(line));
    }
  });
  process.stdin.on('end', () => {
    log('eof');
    if (mood.wordy) writeNow(Buffer.from(`${'x'.repeat(99_999)}\n`.repeat(30)));
    if (!mood.ignoresEof) exit(0);
  });
  process.stdin.on('error', (error) => log('error', { text: String(error) }));
  process.stdout.on('error', (error) => log('error', { text: String(error) }));
}
