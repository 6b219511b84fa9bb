/**
 * What SDK v2's handler does not tell of the server that it serves a request with: that its `connect` is through or has failed, and that
 * its answer could not be sent.
 */
import type { JSONRPCMessage, McpServer, Server, Transport } from '@modelcontextprotocol/server';

/** Whoever waits for the answer. */
export interface ConnectionWatcher {
  connected(): void;
  unconnected(error: unknown): void;
  /** The server answers with this. */
  answers(response: JSONRPCMessage): void;
  unsendable(error: unknown): void;
}

/** Watches the next connection of a server, which is as it was from then on. */
export function watchConnection(server: McpServer | Server, watcher: ConnectionWatcher): void {
  const connect = Object.getOwnPropertyDescriptor(server, 'connect');
  const own = server.connect;
  server.connect = async (transport) => {
    if (connect === undefined) Reflect.deleteProperty(server, 'connect');
    else Object.defineProperty(server, 'connect', connect);
    watchAnswer(transport, watcher);
    try {
      await own.call(server, transport);
    } catch (error) {
      watcher.unconnected(error);
      throw error;
    }
    watcher.connected();
  };
}

/** The transport was made for this one connection. */
function watchAnswer(transport: Transport, watcher: ConnectionWatcher): void {
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => {
    if (!('method' in message)) watcher.answers(message);
    try {
      await send(message, options);
    } catch (error) {
      if (!('method' in message)) watcher.unsendable(error);
      throw error;
    }
  };
}
