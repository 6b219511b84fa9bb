// @ts-check
import { useMcpRemote } from './proxy.js';

export const connect = useMcpRemote();
