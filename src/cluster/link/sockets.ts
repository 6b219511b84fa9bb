import type { WebSocket, WebSocketServer } from 'ws';

/** Loaded by those who have peers: a process by itself is not to pay for it. */
export async function webSockets(): Promise<{ WebSocket: typeof WebSocket; WebSocketServer: typeof WebSocketServer }> {
  return import('ws');
}
