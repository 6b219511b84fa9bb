/** A viewer's socket that takes in nothing until it is told to: what was sent is kept, and counts as waiting. */
import { EventEmitter } from 'node:events';
import type { ServerFrame } from '../../src/inspector/protocol.ts';
import type { Socket } from '../../src/inspector/viewer.ts';

export class StuckSocket extends EventEmitter implements Socket {
  /** Everything that was sent. */
  readonly sent: string[] = [];
  bufferedAmount = 0;
  /** The most that was waiting, and the longest frame. */
  most = 0;
  longest = 0;
  stuck = true;

  send(data: Buffer): void {
    this.sent.push(data.toString());
    this.longest = Math.max(this.longest, data.length);
    if (!this.stuck) return;
    this.bufferedAmount += data.length;
    this.most = Math.max(this.most, this.bufferedAmount);
  }

  /** Takes in what is waiting, and from now on everything. */
  flow(): void {
    this.stuck = false;
    this.bufferedAmount = 0;
  }

  frames(): ServerFrame[] {
    return this.sent.map((text) => JSON.parse(text) as ServerFrame);
  }

  ping(): void {}

  close(): void {
    this.emit('close');
  }

  terminate(): void {
    this.emit('close');
  }
}
