/** The line to the server: made again whenever it breaks, and always known to be up or down. */
import type { ClientFrame, ServerFrame } from '../../src/inspector/protocol.ts';
import { CLOSE_CODES, PROTOCOL_VERSION } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';

/** How long to wait before connecting again, in ms: doubled each time. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 5_000;

/** The server says something at least once a second; after so many ms of nothing, it is gone. */
const SILENCE = 8_000;

export type Line =
  | { readonly is: 'connecting' }
  | { readonly is: 'up' }
  | { readonly is: 'down'; readonly since: number }
  /** Its supervisor was drained, so nobody has lost anything. */
  | { readonly is: 'stopped' }
  | { readonly is: 'refused'; readonly why: string };

export class Connection {
  line: Line = { is: 'connecting' };
  onChange: () => void = () => {};
  readonly #sessions: Sessions;
  readonly #url: string;
  #socket: WebSocket | undefined;
  #wait = FIRST_WAIT;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #watched: string | undefined;

  constructor(sessions: Sessions, { href }: { readonly href: string }) {
    this.#sessions = sessions;
    const url = new URL('./feed', href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.search = new URL(href).search;
    this.#url = url.href;
  }

  connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#expectWord();
    socket.onmessage = ({ data }) => {
      this.#expectWord();
      this.#hear(JSON.parse(String(data)) as ServerFrame);
    };
    socket.onclose = ({ code }) => this.#lost(socket, code === CLOSE_CODES.stopped);
  }

  /** Watches one session, or none; again after the line was made again. */
  watch(key: string | undefined): void {
    this.#watched = key;
    this.#send(key === undefined ? { type: 'close' } : { type: 'open', key });
  }

  terminate(key: string): void {
    this.#send({ type: 'terminate', key });
  }

  #hear(frame: ServerFrame): void {
    if (frame.type === 'hello') {
      if (frame.v !== PROTOCOL_VERSION) {
        this.#become({ is: 'refused', why: 'This page is of another version than the server. Load it again.' });
        this.#socket?.close();
        return;
      }
      this.#wait = FIRST_WAIT;
      this.#become({ is: 'up' });
    }
    this.#sessions.hear(frame);
    // Not before the server has looked at its sessions: until then it knows none.
    if (frame.type === 'snapshot' && frame.last && this.#watched !== undefined) this.watch(this.#watched);
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #expectWord(): void {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#watch = setTimeout(() => {
      if (socket === undefined) return;
      socket.close();
      this.#lost(socket); // a line that is dead may take long to close
    }, SILENCE);
  }

  #lost(socket: WebSocket, isTold = false): void {
    if (socket !== this.#socket || this.line.is === 'refused') return;
    this.#socket = undefined;
    clearTimeout(this.#watch);
    const isStopped = isTold || this.#sessions.totals?.drain?.phase === 'stopped';
    if (isStopped) this.#become({ is: 'stopped' });
    else if (this.line.is === 'up' || this.line.is === 'connecting') this.#become({ is: 'down', since: Date.now() });
    setTimeout(() => this.connect(), this.#wait);
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2);
  }

  #become(line: Line): void {
    this.line = line;
    this.onChange();
  }
}
