/**
 * Pipelined requests: a response that has to wait for those before it has no socket yet, and node:http does not tell it
 * when the connection ends meanwhile. This does, with one listener for each connection, however many wait on it.
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
