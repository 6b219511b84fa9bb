/** A module as the source of servers: how it is found, loaded, and asked for its factory. */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { ServerFactory } from '../index.ts';
import { CommandFailure, describeError, placeOf, shortPath } from './failure.ts';
import { afterDashes, isCommand } from './programs.ts';
import type { ServerSource } from './serverSource.ts';

const run = promisify(execFile);

type Namespace = Readonly<Record<string, unknown>>;

/**
 * Loads the module that `specifier` names and takes its factory: the default export, or `createServer`.
 * @throws {CommandFailure} when it can't be found or loaded, or has no factory.
 */
export async function moduleSource(specifier: string, cwd: string): Promise<ServerSource> {
  const url = fileOf(specifier, cwd) ?? (await resolvePackage(specifier, cwd));
  return { label: specifier, factory: factoryOf(await load(specifier, url), specifier) };
}

/** The file that a specifier means, as a URL; `undefined` when it names a package. */
function fileOf(specifier: string, cwd: string): string | undefined {
  const isUrl = specifier.startsWith('file:');
  const path = isUrl ? pathOf(specifier) : resolve(cwd, specifier);
  const stats = statSync(path, { throwIfNoEntry: false });
  // A bare name can be a package as well as a file: `server.js` is a file where there is one.
  if (stats?.isFile()) return isUrl ? specifier : pathToFileURL(path).href;
  const isPath = isUrl || /^(?:\.{0,2}[\\/]|\.{1,2}$|[a-z]:[\\/])/i.test(specifier);
  if (!isPath) return undefined;
  if (stats?.isDirectory()) throw new CommandFailure(`${specifier} is a directory; name the module in it`);
  throw new CommandFailure(`cannot find the module ${specifier}${path === specifier ? '' : ` (looked for ${path})`}`);
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new CommandFailure(`${url} is not a file URL: ${describeError(error)}`);
  }
}

/** Resolves a package as a module in `cwd` would, and where it isn't installed there, as this package would. */
async function resolvePackage(specifier: string, cwd: string): Promise<string> {
  const found = await resolveIn(cwd, specifier);
  if ('url' in found) return found.url;
  if (found.code !== 'ERR_MODULE_NOT_FOUND')
    throw new CommandFailure(`cannot find the module ${specifier}: ${found.message}`);
  try {
    return import.meta.resolve(specifier);
  } catch {
    const hint = isCommand(specifier) ? `; ${specifier} is a program: ${afterDashes(specifier)}` : '';
    const why = `no such file, and no such package is installed${hint}`;
    throw new CommandFailure(`cannot find the module ${specifier}: ${why}`);
  }
}

type Resolution = { readonly url: string } | { readonly code?: string; readonly message: string };

/**
 * Node's own resolution, started in `directory`. Only a module there could ask for it (`import.meta.resolve` takes no
 * other starting point, `require.resolve` is blind to packages that are for `import` only), and a child process that
 * evaluates its argument is such a module.
 */
async function resolveIn(directory: string, specifier: string): Promise<Resolution> {
  const asked = `
    let answer;
    try { answer = { url: import.meta.resolve(process.argv[1]) }; }
    catch (error) { answer = { code: error.code, message: error.message }; }
    process.stdout.write(JSON.stringify(answer));`;
  const args = ['--no-warnings', '--input-type=module', '--eval', asked, '--', specifier];
  const { stdout } = await run(process.execPath, args, { cwd: directory });
  return JSON.parse(stdout) as Resolution;
}

async function load(specifier: string, url: string): Promise<Namespace> {
  try {
    return (await import(url)) as Namespace;
  } catch (error) {
    const message = `cannot load the module ${specifier}: ${describeError(error)}${await hint(error, url)}`;
    throw new CommandFailure(message, undefined, { cause: error });
  }
}

/** What the error itself does not say. */
async function hint(error: unknown, url: string): Promise<string> {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?$/.test(url)) {
    return `; Node ${process.versions.node} runs JavaScript only, so build it first`;
  }
  if (!(error instanceof SyntaxError) || placeOf(error) !== undefined || !url.startsWith('file:')) return '';
  // Node keeps the place of a module's syntax error to itself, unless it is asked to check the file.
  const checked = run(process.execPath, ['--check', fileURLToPath(url)]);
  const [, file, line] = await checked.then(
    () => [],
    ({ stderr }: { stderr?: string }) => /^(?:file:\/\/)?(.+):(\d+)$/m.exec(stderr ?? '') ?? [],
  );
  return file === undefined ? ' (in a module that it imports)' : ` (${shortPath(file)}:${line})`;
}

/** The factory among a module's exports; that of a CommonJS module may lie under `default`. */
function factoryOf(namespace: Namespace, specifier: string): ServerFactory {
  const exported = namespace['default'];
  const inner = typeof exported === 'object' && exported !== null ? (exported as Namespace) : {};
  const candidates = [exported, namespace['createServer'], inner['default'], inner['createServer']];
  const factory = candidates.find((candidate) => typeof candidate === 'function');
  if (factory !== undefined) return factory as ServerFactory;
  const server = candidates.find(
    (candidate) => typeof (candidate as Namespace | null | undefined)?.['connect'] === 'function',
  );
  throw new CommandFailure(
    server === undefined
      ? `the module ${specifier} has no server factory: export a function as default or as createServer`
      : `the module ${specifier} exports a server, which can't be shared by sessions: export a function that builds one`,
  );
}
