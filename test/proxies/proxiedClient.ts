/** The SDK's client behind a proxy: by the name of the page, and with every status that it was answered. */
import dns from 'node:dns';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { type Connected, connectClient } from '../support/client.ts';

/** The name by which clients know the server, and one by which somebody has them come who means no good. */
export const DOMAIN = 'mcp.example.org';
export const FOREIGN = 'elsewhere.example.org';

export interface ProxiedClient extends Connected {
  /** The data of every log message, in order. */
  readonly heard: readonly unknown[];
  /** The status of each answer. */
  readonly statuses: readonly number[];
  /** What was told to `onerror`. */
  readonly told: readonly string[];
}

/** Keeps the status of each answer. */
function fetchInto(statuses: number[]) {
  return async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(url, init);
    statuses.push(response.status);
    return response;
  };
}

/** From now on both names lead to this machine, in this process. */
export function resolveNames(): void {
  const lookup = dns.lookup as (...args: unknown[]) => void;
  const ours = (name: unknown, ...rest: unknown[]) =>
    lookup(name === DOMAIN || name === FOREIGN ? '127.0.0.1' : name, ...rest);
  dns.lookup = ours as typeof dns.lookup;
}

export async function connectThrough(url: string): Promise<ProxiedClient> {
  const [statuses, heard, told]: [number[], unknown[], string[]] = [[], [], []];
  const connected = await connectClient(url, {
    autoClose: false,
    transport: { fetch: fetchInto(statuses) },
    prepare: (client) => {
      client.onerror = ({ message }) => told.push(message);
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.push(params.data));
    },
  });
  return { ...connected, statuses, heard, told };
}
