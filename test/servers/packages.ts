/** The servers that others have published, installed in `packages/`: how each is started. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where they are installed; `npx` finds them from here. */
export const PACKAGES = fileURLToPath(new URL('packages/', import.meta.url));

export type ServerName = 'everything' | 'filesystem' | 'memory' | 'sequential-thinking';

/**
 * The command that starts one, with its arguments.
 * @throws where it is not installed, or not in the version that was asked for.
 */
export function published(name: ServerName, ...args: string[]): string[] {
  const folder = `${PACKAGES}node_modules/@modelcontextprotocol/server-${name}`;
  if (!existsSync(`${folder}/package.json`)) {
    throw new Error(
      `server-${name} is not installed: \`npm run test:stdio\` does that, or node test/servers/install.js`,
    );
  }
  const { version, bin } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
  const { dependencies } = JSON.parse(readFileSync(`${PACKAGES}package.json`, 'utf8')) as Manifest;
  const wanted = dependencies[`@modelcontextprotocol/server-${name}`];
  if (version !== wanted) throw new Error(`server-${name} is installed in version ${version}, and not ${wanted}`);
  return [process.execPath, `${folder}/${bin[`mcp-server-${name}`]}`, ...args];
}

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}
