/** The promises of servers that are processes, broken one by one. */
import { type Patch, patch } from './patch.ts';

const child = 'stdio/child.js';
const childServer = 'stdio/childServer.js';
const group = 'stdio/processGroup.js';
const launcher = 'stdio/launcher.js';
const spawned = 'stdio/spawnedProcess.js';

export const STDIO_PATCHES: readonly Patch[] = [
  patch(
    spawned,
    'SIGKILL is never sent',
    'if (!this.#group.signal(signal))',
    "if (signal === 'SIGKILL' || !this.#group.signal(signal))",
  ),
  patch(
    spawned,
    'any amount waits for a process that does not read',
    'if (waiting > 0 && waiting + Buffer.byteLength(line) + 1 > MAX_STDIN) return false;',
    '',
  ),
  patch(
    group,
    'the leader is signalled, not its group',
    'process.kill(-this.id, signal);',
    'process.kill(this.id, signal);',
  ),
  patch(
    group,
    'the start time is not compared',
    'return leader === undefined || leader.startTime === this.startTime;',
    'return true;',
  ),
  patch(launcher, 'no guardian is started', 'this.#guardian.prepare();', ''),
  // Of groups alone it need not be told: it finds what has our marker as well.
  patch('stdio/guardian.js', 'the guardian is told nothing', 'stdin.write(line);', ''),
  patch('stdio/guardianScript.js', 'the guardian ends nobody', 'signal() {', 'signal() { [ "$1" = 0 ] || return 1;'),
  patch(
    launcher,
    'nobody looks for what has left its group',
    'if (marker !== undefined) this.#used?.escapees?.lookFor(marker);',
    '',
  ),
  patch('stdio/lines.js', 'a line has no bound', 'if (used > this.#limit) {', 'if (false) {'),
  patch(
    'stdio/stderrLines.js',
    'all of a flood on stderr is logged',
    'if (this.#told >= STDERR_RATE) {',
    'if (false) {',
  ),
  patch(
    'stdio/routes.js',
    'what names a call goes with another',
    'if (named !== undefined) return { with: named };',
    '',
  ),
  patch('stdio/warmPool.js', 'a spare is handed out twice', 'this.#spares.delete(spare); const handed', 'const handed'),
  patch(
    'stdio/stdioServer.js',
    'values of variables are logged',
    'const pool = own',
    "this.#options.logger?.({ level: 'debug', event: 'child.spec', message: JSON.stringify(spec) }); const pool = own",
  ),
  patch(
    'stdio/environment.js',
    'a process gets all that is ours',
    '(wanted === undefined || isSafe(key(name), windows))',
    'true',
  ),
  patch(child, 'a session that is over or parked keeps its process', "this.#send({ type: 'STOP' });", ''),
  patch(
    childServer,
    'an answer to a process that is gone is heard by the next',
    'this.#questions = new Questions({ epoch: this.#generation, first: false });',
    '',
  ),
  patch(
    'machines/child.js',
    'one restart more than may be',
    'restartsWithin(context, event).length < context.maxRestarts',
    'restartsWithin(context, event).length <= context.maxRestarts',
  ),
  patch(child, 'clients are told what stands on stderr', 'this.#setting.options.showStderr ? ', 'true ? '),
  patch(
    child,
    'nobody is told how a process ended',
    'this.#lose(exitInWords(exit), exit);',
    "this.#lose('ended', exit);",
  ),
];
