/**
 * A process as the server of one session: what a supervisor connects and closes. Messages pass as text, both ways; what
 * the process says unasked finds its way to the client (`routes.ts`); and where processes are started again, each one is
 * told what the client said before, and hears no answer that was meant for another.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { SupervisorError } from '../errors.ts';
import type { ConnectableServer } from '../options/serverFactory.ts';
import { isCancellation, isObject, isRequest, isResponse, progressTokenOf } from '../protocol/messages.ts';
import { lineOf } from '../protocol/messageText.ts';
import { Questions } from '../transport/questions.ts';
import { Replay } from '../transport/replay.ts';
import type { SessionTransport } from '../transport/sessionTransport.ts';
import type { Surroundings } from '../transport/transportOptions.ts';
import { serverEnded } from './cause.ts';
import { Child, type ChildOwner, type Launch } from './child.ts';
import { hear } from './childMessages.ts';
import { Noise } from './noise.ts';
import type { ProcessExit } from './process.ts';
import { Routes, type RoutesOwner, type RunningCall } from './routes.ts';
import { Said } from './said.ts';
import type { ResolvedStdioOptions } from './stdioOptions.ts';
import { Waiting } from './waiting.ts';

/** What the server of a session is made with. */
export interface ChildServerSetting {
  readonly options: ResolvedStdioOptions;
  readonly launch: Launch;
  /** Aborted when the session ends, its server still starting included. */
  readonly signal: AbortSignal;
}

export class ChildServer implements ConnectableServer, ChildOwner, RoutesOwner {
  /** What the process has not answered, by the id that it knows. */
  readonly running = new Map<RequestId, RunningCall>();
  initialize: RequestId | undefined;
  readonly #setting: ChildServerSetting;
  #connected: Connected | undefined;
  /** Where processes are started again. */
  readonly #said: Said | undefined;
  #questions: Questions | undefined;
  #generation = 1;
  /** What the present process is told again; none of it is for the client. */
  #replay: Replay | undefined;
  /** Runs out while the process does not answer what it is told again. */
  #muteTimer: unknown;
  /** There is no process that could be told anything. */
  #away = false;
  #closed = false;

  constructor(setting: ChildServerSetting) {
    this.#setting = setting;
    if (setting.options.restart === 'temporary') return;
    this.#said = new Said();
    this.#questions = new Questions({ epoch: 1, first: true });
  }

  get transport(): SessionTransport {
    return this.#parts.transport;
  }

  get clock(): Surroundings['options']['clock'] {
    return this.#parts.surroundings.options.clock;
  }

  /**
   * Starts the process.
   * @throws {SupervisorError} `COMMAND_NOT_FOUND`, `SPAWN_UNAVAILABLE`, and `CONFLICTING_OPTIONS` without a session.
   */
  async connect(transport: SessionTransport): Promise<void> {
    const surroundings = transport.owner?.surroundings;
    if (surroundings === undefined) throw new SupervisorError('CONFLICTING_OPTIONS', NO_SESSION);
    const { options, launch, signal } = this.#setting;
    const { clock, restoreTimeout } = surroundings.options;
    const connected: Connected = {
      transport,
      surroundings,
      noise: new Noise(clock, (line, dropped) => connected.child?.noise(line, dropped)),
      routes: new Routes(this),
      waiting: new Waiting(clock, restoreTimeout, (request, why) => this.#refuse(request.id, why)),
      child: undefined,
    };
    this.#connected = connected;
    transport.takesText = true;
    transport.onmessage = (message) => this.#fromClient(message);
    transport.onlisten = () => connected.routes.flush();
    const child = new Child({ sessionId: transport.sessionId, surroundings, options, launch }, this);
    connected.child = child;
    signal.addEventListener('abort', () => void child.stop(), { once: true });
    if (signal.aborted) void child.stop();
    await child.started;
  }

  /** Ends the process, and with it its session. Resolves when nobody of its group is left, or that was given up. */
  async close(): Promise<void> {
    this.#closed = true;
    const connected = this.#connected;
    connected?.routes.clear();
    connected?.waiting.clear();
    if (connected !== undefined) this.#endReplay();
    await Promise.all([connected?.child?.stop(), connected?.transport.close()]);
  }

  // --- what the child tells

  line(text: string): void {
    const { noise, child } = this.#parts;
    const { messages, noise: rest, spoiled, refused } = hear(text);
    if (rest !== undefined) noise.heard(rest);
    for (const id of spoiled) if (this.running.has(id)) this.#refuse(id, NO_ANSWER);
    for (const id of refused) this.#write({ jsonrpc: '2.0', id, error: { code: -32600, message: NO_REQUEST } });
    if (messages.length > 0) noise.interrupted();
    else if (noise.isFlood && (this.initialize !== undefined || this.#away)) child?.break(NOISY);
    for (const message of messages) this.#fromProcess(message);
  }

  lost(error: Error, exit: ProcessExit | undefined, restarts: boolean): void {
    const { transport, routes } = this.#parts;
    routes.clear();
    this.#said?.cut();
    this.#endReplay();
    if (!restarts) return transport.owner.failed(error, exit?.code === 0 ? 'closed' : 'crashed');
    this.#away = true;
    for (const id of [...this.running.keys()]) this.#refuse(id, error.message);
    this.#generation++;
    this.#questions = new Questions({ epoch: this.#generation, first: false });
  }

  restarted(): void {
    void this.#tellAgain(this.#generation);
  }

  // --- what the routes tell

  undeliverable(request: JSONRPCRequest): void {
    if (this.#away || this.#closed) return; // who asked is gone
    const message = `No stream is open that could carry ${request.method} to the client`;
    this.#write({ jsonrpc: '2.0', id: request.id, error: { code: -32000, message } });
  }

  // --- within

  get #parts(): Connected {
    if (this.#connected === undefined) throw new Error('The server is not connected');
    return this.#connected;
  }

  #fromClient(message: JSONRPCMessage): void {
    if (this.#closed) return;
    const { routes, waiting } = this.#parts;
    const heard = this.#questions === undefined ? message : this.#questions.heard(message);
    if (heard === undefined) return; // it answers what another process asked
    if (isResponse(heard)) {
      if (heard.id !== undefined) routes.answered(heard.id);
    } else if (isCancellation(heard)) {
      const id = heard.params?.['requestId'] as RequestId;
      this.running.delete(id);
      if (waiting.withdraw(id)) return;
    }
    if (!this.#away) this.#tell(heard);
    else if (!isResponse(heard)) waiting.add(heard);
    if (isRequest(heard)) routes.flush();
  }

  /** Has the process hear a message of the client. */
  #tell(message: JSONRPCMessage): void {
    this.#said?.heard(message);
    if (isRequest(message)) {
      this.running.set(message.id, callOf(message));
      if (message.method === 'initialize') this.initialize = message.id;
    }
    this.#write(message);
  }

  #fromProcess(message: JSONRPCMessage): void {
    if (this.#closed) return;
    if (isResponse(message)) {
      if (this.#replay?.answered(message)) return;
      if (message.id !== undefined) this.running.delete(message.id);
      this.#said?.answered(message);
      const initialize = message.id !== undefined && message.id === this.initialize;
      if (initialize && 'result' in message) {
        this.#said?.opened(message.result);
        this.#parts.child?.ready();
      }
      this.#send(message);
      if (initialize) {
        this.initialize = undefined;
        this.#parts.routes.flush();
      }
      return;
    }
    if (isRequest(message) && message.method === 'initialize') return this.#parts.child?.break(ECHO);
    // What it notifies while it is told again what was said, the client has heard once.
    const replaying = this.#replay !== undefined || this.transport.replaying;
    if (replaying && !isRequest(message)) return;
    this.#parts.routes.send(this.#questions === undefined ? message : this.#questions.asked(message));
  }

  #send(message: JSONRPCMessage): void {
    this.transport.send(message).catch(() => {}); // its session has ended: nobody is left to hear it
  }

  #write(message: JSONRPCMessage): void {
    if (this.#parts.child?.write(lineOf(message))) return;
    if (isRequest(message)) this.#refuse(message.id, FULL);
    else this.#parts.surroundings.log({ level: 'warn', event: 'child.full', message: FULL });
  }

  /** Answers a request of the client in place of the process. */
  #refuse(id: RequestId, message: string): void {
    this.running.delete(id);
    this.#send({ jsonrpc: '2.0', id, error: { code: -32000, message } });
  }

  /** Tells a process that was started again what the client said before, as a restored session does. */
  async #tellAgain(generation: number): Promise<void> {
    const { child, surroundings, transport, waiting } = this.#parts;
    const { clock, initializeTimeout } = surroundings.options;
    const said = this.#said;
    if (said === undefined) return;
    const replay = new Replay(clock);
    this.#replay = replay;
    const isPresent = () => this.#generation === generation && this.#replay === replay && !this.#closed;
    const mute = () => {
      if (isPresent()) child?.break(`did not answer within ${initializeTimeout} ms when it was started again`);
    };
    this.#muteTimer = clock.setTimeout(mute, initializeTimeout);
    try {
      const replayed = await replay.run(said.again(), (message) => this.#write(message));
      if (!isPresent()) return;
      if (!said.isCovered(replayed)) throw serverEnded(CHANGED, undefined);
      this.#endReplay();
      this.#away = false;
      child?.ready();
      surroundings.log({ level: 'info', event: 'child.restarted', message: RESTARTED, generation });
      for (const message of waiting.release()) this.#tell(message);
    } catch (error) {
      if (!isPresent()) return;
      this.#endReplay();
      transport.owner.failed(error, 'crashed');
    }
  }

  /** It is through, or nobody will answer any more. */
  #endReplay(): void {
    this.#replay = undefined;
    if (this.#muteTimer !== undefined) this.clock.clearTimeout(this.#muteTimer);
    this.#muteTimer = undefined;
  }
}

/** What there is once it is connected. */
interface Connected {
  readonly transport: SessionTransport;
  readonly surroundings: Surroundings;
  readonly noise: Noise;
  readonly routes: Routes;
  readonly waiting: Waiting;
  child: Child | undefined;
}

function callOf({ params }: JSONRPCRequest): RunningCall {
  const taskId: unknown = isObject(params) ? params['taskId'] : undefined;
  return { progressToken: progressTokenOf(params), taskId: typeof taskId === 'string' ? taskId : undefined };
}

const NO_SESSION = 'A server that is a process has to have a session: stateless calls have none';
const NO_ANSWER = 'The server answered with what is no response';
const NO_REQUEST = 'Invalid request: it is not shaped as the protocol says';
const NOISY = 'wrote line after line to stdout that is no message';
const ECHO = 'asks to be initialized itself: it is no MCP server, or only sends back what it is sent';
const FULL = 'The server does not read what it is sent';
const CHANGED = 'was started again, and has other capabilities or another protocol version than its client was told';
const RESTARTED = "The server's process has been told what its client said before, and serves its session again";
