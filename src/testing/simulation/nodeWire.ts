/** A request of a simulation by the Node adapter: Node's HTTP server and `toNodeHandler`, over connections in memory. */
import { createServer, type Server } from 'node:http';
import type { SessionSupervisor, SupervisorError } from '../../index.ts';
import type { toNodeHandler } from '../../node.ts';
import { AnswerReader } from './answerReader.ts';
import { SimulatedSocket } from './simulatedSocket.ts';
import type { Wire, WireAnswer, WireRequest, WireUser } from './wire.ts';

/**
 * A server that listens nowhere; connections are handed to it. None of its own timers runs: they would run on real time.
 * Undefined for a supervisor that the handler does not know, because somebody has wrapped it.
 */
export function nodeServer(supervisor: SessionSupervisor, handlerOf: typeof toNodeHandler): Server | undefined {
  try {
    return createServer({ keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 }, handlerOf(supervisor));
  } catch (error) {
    if ((error as Partial<SupervisorError>).code === 'NOT_A_SUPERVISOR') return undefined;
    throw error;
  }
}

/** One connection of a client, and the requests on it. */
export class NodeConnection {
  readonly #socket = new SimulatedSocket();
  readonly #reader = new AnswerReader(() => this.#socket.received());
  readonly users: WireUser[] = [];
  /** Settles when the answers to the requests so far have been read. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(server: Server) {
    server.emit('connection', this.#socket);
  }

  /** Another request can be sent on it. */
  get free(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded && !this.users.some(({ uploading }) => uploading);
  }

  write(bytes: Uint8Array | string): void {
    this.#socket.arrive(Buffer.from(bytes));
  }

  /** Sends a request. Resolves to its answer, after those to the requests before it. */
  send(request: string, user: WireUser): Promise<WireAnswer | undefined> {
    this.users.push(user);
    this.write(request);
    const answer = this.#turn.then(() => this.#reader.next());
    this.#turn = answer.then((read) => read?.over);
    return answer;
  }

  /** The client goes away, with all of its requests. */
  leave(): void {
    this.#socket.leave();
    for (const user of this.users) user.hangUp(false);
  }
}

export class NodeWire implements Wire {
  readonly connection: NodeConnection;
  readonly before: readonly WireUser[];
  readonly #user: WireUser;

  constructor(connection: NodeConnection, user: WireUser) {
    this.connection = connection;
    this.before = [...connection.users];
    this.#user = user;
  }

  get shared(): boolean {
    return this.connection.users.length > 1;
  }

  send({ body = '', headers, method, slowly }: WireRequest): Promise<WireAnswer | undefined> {
    const lines = [`${method} /mcp HTTP/1.1`, 'Host: 127.0.0.1'];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (method === 'POST') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    return this.connection.send(`${lines.join('\r\n')}\r\n\r\n${slowly ? '' : body}`, this.#user);
  }

  upload(chunk: Uint8Array): void {
    this.connection.write(chunk);
  }

  leave(): void {
    this.connection.leave();
  }
}
