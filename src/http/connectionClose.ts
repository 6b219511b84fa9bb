/**
 * Tells when a connection ends whom node:http does not tell: a response that waits for those before it (pipelining), and
 * a request whose body still comes when it has been answered. One listener for each connection, however many wait.
 */
import type { Socket } from 'node:net';

const waiting = new WeakMap<Socket, Set<() => void>>();

/** Calls the listener when the connection has ended. Returns what ends the listening. */
export function onConnectionClose(socket: Socket, listener: () => void): () => void {
  let listeners = waiting.get(socket);
  if (listeners === undefined) {
    const all = new Set<() => void>();
    socket.once('close', () => {
      for (const each of all) each();
    });
    waiting.set(socket, all);
    listeners = all;
  }
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
