/** A viewer of the feed: connects, keeps every frame, and makes of them what a page would show. */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { Inspector } from '../../src/inspector/index.ts';
import type {
  ClientFrame,
  EndedRow,
  HelloFrame,
  ParkedRow,
  ResultFrame,
  Row,
  ServerFrame,
  SessionFrame,
  Totals,
} from '../../src/inspector/protocol.ts';
import { until } from '../support/until.ts';

type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

export interface ConnectOptions {
  readonly path?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Opens a WebSocket to an inspector; it is closed when the test ends. */
export function openSocket(inspector: Pick<Inspector, 'port' | 'token'>, options: ConnectOptions = {}): WebSocket {
  const { path = '/feed', token = inspector.token, headers = {} } = options;
  const query = `${path.includes('?') ? '&' : '?'}token=${token}`;
  const socket = new WebSocket(`ws://127.0.0.1:${inspector.port}${path}${query}`, { headers });
  onTestFinished(() => socket.terminate());
  return socket;
}

/** The status with which an upgrade was refused; 101 when it was not. */
export function statusOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_, response) => {
      resolve(response.statusCode ?? 0);
      response.resume();
    });
    socket.on('error', reject);
  });
}

/** The code with which a WebSocket is closed. */
export function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.on('close', resolve));
}

export class FeedClient {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly rows = new Map<string, Row>();
  readonly parked = new Map<string, ParkedRow>();
  readonly ended = new Map<string, EndedRow>();
  readonly transitions: Record<string, number> = {};
  totals: Totals | undefined;

  constructor(inspector: Pick<Inspector, 'port' | 'token'>, options?: ConnectOptions) {
    this.socket = openSocket(inspector, options);
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => this.#take(JSON.parse(String(data)) as ServerFrame));
  }

  of<T extends ServerFrame['type']>(type: T): Frame<T>[] {
    return this.frames.filter((frame): frame is Frame<T> => frame.type === type);
  }

  async hello(): Promise<HelloFrame> {
    return until(() => this.of('hello')[0], { what: 'a hello' });
  }

  /** Resolves when a snapshot has come to its end. */
  async synchronized(): Promise<this> {
    await until(() => this.of('snapshot').some(({ last }) => last), { what: 'a whole snapshot' });
    return this;
  }

  say(frame: ClientFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The latest that was told of the session that is watched, once it is as it should be. */
  async session(which: (frame: SessionFrame) => boolean = () => true): Promise<SessionFrame> {
    return until(() => this.of('session').findLast(which), { what: 'the watched session' });
  }

  async result(): Promise<ResultFrame> {
    return until(() => this.of('result').at(-1), { what: 'a result' });
  }

  #set(row: Row): void {
    this.rows.set(row.key, row);
    if (row.state !== 'restoring') this.parked.delete(row.key);
  }

  #take(frame: ServerFrame): void {
    this.frames.push(frame);
    if (frame.type === 'snapshot') {
      if (frame.first) {
        this.rows.clear();
        this.parked.clear();
        this.ended.clear();
      }
      this.totals = frame.totals;
      for (const row of frame.rows) this.rows.set(row.key, row);
      for (const row of frame.parked) this.parked.set(row.key, row);
      for (const row of frame.ended) this.ended.set(row.key, row);
    }
    if (frame.type === 'delta') {
      this.totals = frame.totals;
      for (const row of frame.rows) this.#set(row);
      for (const [key, state, inFlight, calls, openStreams, lastActiveAt, idleDeadline] of frame.changes) {
        const row = this.rows.get(key);
        if (row !== undefined) {
          this.#set({ ...row, state, inFlight, calls, openStreams, lastActiveAt, idleDeadline });
        }
      }
      for (const key of frame.gone) this.rows.delete(key);
      for (const row of frame.parked) this.parked.set(row.key, row);
      for (const row of frame.ended) {
        this.parked.delete(row.key);
        this.ended.set(row.key, row);
      }
      for (const [name, count] of Object.entries(frame.transitions)) {
        this.transitions[name] = (this.transitions[name] ?? 0) + count;
      }
    }
  }
}
