/** Both ends of a link, frame by frame: what is said there is written down here once more, so that no mutant reads itself. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

export const SAID = { request: 1, content: 2, wanted: 3, answer: 4, data: 5, end: 7, reset: 8 } as const;

export type Frame = readonly [kind: number, id: number, bytes?: string | Uint8Array];

function messageOf(frames: readonly Frame[]): Buffer {
  const parts = frames.flatMap(([kind, id, said = '']) => {
    const bytes = Buffer.from(said as string);
    const head = Buffer.alloc(9);
    head[0] = kind;
    head.writeUInt32BE(id, 1);
    head.writeUInt32BE(bytes.length, 5);
    return [head, bytes];
  });
  return Buffer.concat(parts);
}

/** One end. */
export class RawEnd {
  readonly socket: WebSocket;
  readonly heard: (readonly [kind: number, id: number, bytes: Buffer])[] = [];

  constructor(socket: WebSocket, listener: (end: RawEnd, kind: number, id: number) => void = () => {}) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('message', (message: Buffer) => {
      for (let at = 0; at < message.length; ) {
        const [kind, id] = [message[at] as number, message.readUInt32BE(at + 1)];
        const begin = at + 9;
        at = begin + message.readUInt32BE(at + 5);
        this.heard.push([kind, id, message.subarray(begin, at)]);
        listener(this, kind, id);
      }
    });
  }

  say(...frames: readonly Frame[]): void {
    this.socket.send(messageOf(frames));
  }

  has(kind: number, id: number): boolean {
    return this.heard.some((frame) => frame[0] === kind && frame[1] === id);
  }
}

/** A link to a listener. */
export async function rawSender(url: string): Promise<RawEnd> {
  const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
  await once(socket, 'open');
  return new RawEnd(socket);
}

/** Somebody at the address of a peer. */
export async function rawPeer(listener: (end: RawEnd, kind: number, id: number) => void) {
  const ends: RawEnd[] = [];
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
  server.on('connection', (socket) => ends.push(new RawEnd(socket, listener)));
  await once(server, 'listening');
  const close = () => {
    for (const { socket } of ends) socket.terminate();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ends, close };
}
