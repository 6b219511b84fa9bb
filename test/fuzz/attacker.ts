/** A connection of the attacker's: keeps all that it gets, and what it sent as text to show. */
import { connect, type Socket } from 'node:net';
import { until } from '../support/until.ts';

export class Attacker {
  readonly socket: Socket;
  /** What was sent and done, for a report. */
  readonly transcript: string[] = [];
  /** Nothing more will come. */
  ended = false;
  #received = '';

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
    });
    this.socket.on('error', () => {}); // a reset is an end
    this.socket.on('end', () => this.#end());
    this.socket.on('close', () => this.#end());
  }

  async connected(): Promise<void> {
    await until(() => !this.socket.connecting, { what: 'an attacker to connect' });
  }

  get received(): string {
    return this.#received;
  }

  send(bytes: Buffer): void {
    this.transcript.push(bytes.toString('latin1'));
    if (this.socket.writable) this.socket.write(bytes);
  }

  act(what: 'half-close' | 'destroy' | 'reset' | 'pause' | 'resume'): void {
    this.transcript.push(`-- ${what}`);
    if (what === 'half-close') this.socket.end();
    else if (what === 'reset') this.socket.resetAndDestroy();
    else this.socket[what]();
  }

  #end(): void {
    this.ended = true;
  }
}
