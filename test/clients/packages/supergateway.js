// @ts-check
import { useProxy } from './proxy.js';

/** @type {import('./run.js').Connect} */
export const connect = (url, hear) => useProxy(['supergateway/dist/index.js', '--streamableHttp', url], hear);
