/** SDK v2's server, which an embedder has who serves requests without sessions, and nobody else needs. */
import { createRequire } from 'node:module';
import type * as Sdk from '@modelcontextprotocol/server';
import { SupervisorError } from '../errors.ts';

export type ModernSdk = Pick<typeof Sdk, 'createMcpHandler' | 'McpServer' | 'Server'>;

const PACKAGE = '@modelcontextprotocol/server';

/** @throws {SupervisorError} `PACKAGE_MISSING` */
export function requireSdk(): void {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
  } catch {
    throw new SupervisorError('PACKAGE_MISSING', `modern: 'serve' needs the package ${PACKAGE}: npm i ${PACKAGE}`);
  }
}

let loaded: Promise<ModernSdk> | undefined;

/** Loads it once for all supervisors: from the second one's first request on, that takes no time of the event loop. */
export function loadSdk(): Promise<ModernSdk> {
  loaded ??= importSdk();
  return loaded;
}

/** Bundlers leave it to Node: who serves sessions alone has no such package. */
async function importSdk(): Promise<ModernSdk> {
  return (await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ PACKAGE)) as ModernSdk;
}

/** Whether the SDK that was loaded can serve with it what has no session: a server of SDK v1, or of another copy of v2, can't. */
export function isModernServer(
  { McpServer, Server }: ModernSdk,
  server: unknown,
): server is Sdk.McpServer | Sdk.Server {
  return server instanceof McpServer || server instanceof Server;
}
