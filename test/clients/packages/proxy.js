// @ts-check
import { env, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { useClient } from './sdkClient.js';

/**
 * A proxy that speaks stdio to its client, on this Node.
 *
 * @param {readonly string[]} args
 * @param {(data: unknown) => void} hear
 */
export function useProxy([module, ...args], hear) {
  const path = fileURLToPath(new URL(`node_modules/${module}`, import.meta.url));
  const options = { command: execPath, args: [path, ...args], env: /** @type {Record<string, string>} */ (env) };
  return useClient(new StdioClientTransport({ ...options, stderr: 'inherit' }), hear);
}

/**
 * @param {readonly string[]} flags
 * @returns {import('./run.js').Connect}
 */
export function useMcpRemote(...flags) {
  return (url, hear) => useProxy(['mcp-remote/dist/proxy.js', url, '--transport', 'http-only', ...flags], hear);
}
