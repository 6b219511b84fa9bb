// @ts-check
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { useClient } from './sdkClient.js';

/** @type {import('./run.js').Connect} */
export const connect = (url, hear) => useClient(new StreamableHTTPClientTransport(new URL(url)), hear);
