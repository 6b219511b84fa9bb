/** A node:http server on a loopback port. */
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { withTimeout } from './until.ts';

/** Listens on a loopback port, by default a free one; `close` destroys what is still connected. */
export async function listen(
  httpServer: Server,
  path = '/mcp',
  atPort = 0,
): Promise<{ url: string; port: number; close(): Promise<void> }> {
  await new Promise<void>((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen(atPort, '127.0.0.1', resolve);
  });
  const { port } = httpServer.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise<void>((resolve) => httpServer.close(() => resolve()));
    httpServer.closeAllConnections();
    await withTimeout(closed, { what: 'the HTTP server to close' });
  };
  return { url: `http://127.0.0.1:${port}${path}`, port, close };
}

/** Whether somebody takes connections on a port of this machine. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
