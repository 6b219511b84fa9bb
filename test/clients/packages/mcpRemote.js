// @ts-check
import { useProxy } from './proxy.js';

/** @type {import('./run.js').Connect} */
export const connect = (url, hear) => useProxy(['mcp-remote/dist/proxy.js', url, '--transport', 'http-only'], hear);
