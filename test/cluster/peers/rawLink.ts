/** Both ends of a link, frame by frame: somebody who says to a listener whatever the test says, and somebody at the address of a peer. */
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FRAME, type FrameKind, Message, readFrames } from '../../../src/cluster/link/frames.ts';
import type { PeerAnswer } from '../../../src/cluster/peerNetwork.ts';
import { until, withTimeout } from '../../support/until.ts';

export interface RawFrame {
  readonly kind: number;
  readonly id: number;
  readonly bytes: Buffer;
}

const NAMES = new Map<number, string>(Object.entries(FRAME).map(([name, kind]) => [kind, name]));

export const nameOf = ({ kind }: RawFrame) => NAMES.get(kind);

export class RawLink {
  readonly frames: RawFrame[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<void>;

  constructor(socket: WebSocket, heard: (link: RawLink, frame: RawFrame) => void = () => {}) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('message', (message: Buffer) => {
      readFrames(message, (kind, id, bytes) => {
        const frame = { kind, id, bytes };
        this.frames.push(frame);
        heard(this, frame);
      });
    });
  }

  /** Says several things in one message. */
  say(...frames: readonly (readonly [FrameKind, number, (string | Uint8Array)?])[]): void {
    const message = new Message();
    for (const [kind, id, bytes] of frames) message.add(kind, id, bytes === undefined ? undefined : Buffer.from(bytes));
    this.socket.send(message.take());
  }

  of(kind: FrameKind, id: number): RawFrame[] {
    return this.frames.filter((frame) => frame.kind === kind && frame.id === id);
  }

  /** The answer to a request, when it is complete. */
  async answer(id: number): Promise<PeerAnswer & { readonly body: string }> {
    await until(() => this.of(FRAME.end, id).length > 0, { what: `the answer to ${id}` });
    const [answer] = this.of(FRAME.answer, id);
    const body = Buffer.concat(this.of(FRAME.data, id).map(({ bytes }) => bytes)).toString();
    return { ...(JSON.parse(String(answer?.bytes)) as PeerAnswer), body };
  }
}

/** A link to a listener. */
export async function rawLink(port: number): Promise<RawLink> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  onTestFinished(() => socket.terminate());
  const link = new RawLink(socket);
  const opened = new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  await withTimeout(opened, { what: 'a link' });
  return link;
}

/** Somebody at the address of a peer, who takes links and does what the test says with each frame. */
export async function impostor(heard: (link: RawLink, frame: RawFrame) => void) {
  const links: RawLink[] = [];
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
  server.on('connection', (socket) => links.push(new RawLink(socket, heard)));
  await new Promise<void>((resolve) => server.once('listening', () => resolve()));
  onTestFinished(() => {
    for (const { socket } of links) socket.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { listener: { url: `http://127.0.0.1:${port}`, close: async () => {} }, links };
}
