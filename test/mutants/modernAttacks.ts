/** Attacks with requests without sessions: listen streams along the paths of their machine, beside a session. */
import { Server } from '@modelcontextprotocol/server';
import { listenMachine } from 'mcp-session-supervisor/machines';
import { describeListenPath, listenPaths, walkListenPath } from '../model/listenPaths.ts';
import type { Attack } from './attacks.ts';

const INFO = { name: 'listened to', version: '1' };

export const MODERN_ATTACKS: readonly Attack[] = listenPaths(listenMachine).map((path) => ({
  name: `modern: ${describeListenPath(path)}`,
  run: (kit, { createSessionSupervisor }) =>
    walkListenPath(
      path,
      createSessionSupervisor,
      kit,
      () => new Server(INFO, { capabilities: { tools: { listChanged: true } } }),
    ),
}));
