/** Loaded by those who have peers: a process by itself is not to pay for it. */
export async function webSockets(): Promise<Pick<typeof import('ws'), 'WebSocket' | 'WebSocketServer'>> {
  return import('ws');
}
