/** The listening socket of the admin: a port, or a unix socket that is its owner's alone. What can't be had is told. */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, renameSync, type Stats, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { dirname } from 'node:path';
import { isLoopback, reachableName } from '../door/addresses.ts';
import { SupervisorError } from '../index.ts';
import type { Place, ResolvedAdminOptions } from './adminOptions.ts';

/** Where it listens. */
export interface Bound {
  /** `host:port`, or the path of the socket. */
  readonly address: string;
  /** Undefined for a unix socket. */
  readonly url: string | undefined;
  readonly port: number | undefined;
}

/** What `listen` resolves to. */
export interface Listening {
  readonly bound: Bound;
  /** Takes no more connections, and removes a unix socket, if it is this one. */
  stop(): void;
}

/** How long whoever has a socket may take to accept, in ms; one that hangs is alive. */
const ANSWERS_WITHIN = 1_000;

/** How often a stale socket is replaced: another process may be about to do the same. */
const TRIES = 3;

/** @throws {SupervisorError} `CANNOT_LISTEN`; `INVALID_OPTION` for an address that others reach, without a token of one's own. */
export function listen(
  server: Server,
  options: Pick<ResolvedAdminOptions, 'place' | 'tokenIsGiven'>,
): Promise<Listening> {
  const { place } = options;
  return 'path' in place ? listenAtPath(server, place.path) : listenAtPort(server, place, options.tokenIsGiven);
}

async function listenAtPort(
  server: Server,
  { host, port }: Extract<Place, { port: number }>,
  tokenIsGiven: boolean,
): Promise<Listening> {
  const fail = (error: unknown): never => cannotListen(whyNotAtPort(host, port, error), error);
  // The address is decided before it is bound, because it decides whether that is allowed: `127.1` is loopback.
  const { address } = await lookup(host).catch(fail);
  if (!isLoopback(address) && !tokenIsGiven) {
    const message = `token, or tokenFile, must be given where others can connect: ${host} is not loopback`;
    throw new SupervisorError('INVALID_OPTION', message);
  }
  server.listen(port, address);
  await once(server, 'listening').catch(fail);
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    bound: { address: `${name}:${bound}`, url: `http://${reachableName(host)}:${bound}`, port: bound },
    stop: () => void server.close(),
  };
}

async function listenAtPath(server: Server, path: string): Promise<Listening> {
  for (let n = 1; ; n++) {
    const error = await bind(server, path);
    if (error === undefined) {
      const ours = look(path);
      return { bound: { address: path, url: undefined, port: undefined }, stop: () => stopAtPath(server, path, ours) };
    }
    if (error.code !== 'EADDRINUSE' || n === TRIES) cannotListen(whyNotAtPath(path, error), error);
    await clear(path, error);
  }
}

async function bind(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
  const outcome = once(server, 'listening').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  // Node binds before `listen` returns: so there is no moment in which others could connect.
  const mask = setMask(0o177);
  server.listen(path);
  if (mask !== undefined) process.umask(mask);
  const error = await outcome;
  if (error === undefined) chmodSync(path, 0o600);
  return error;
}

/** Node removes what is at the path, whoever has made it meanwhile: so that of somebody else is put aside. */
function stopAtPath(server: Server, path: string, ours: Stats | undefined): void {
  const now = look(path);
  const aside = `${path}.${process.pid}`;
  // The number of a file that is gone is given to the next one.
  const isOthers = now !== undefined && (now.ino !== ours?.ino || now.birthtimeMs !== ours.birthtimeMs);
  const isAside = isOthers && move(path, aside);
  server.close();
  if (isAside) move(aside, path);
}

function move(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false; // the folder is not ours any more: so nor can Node remove anything
  }
}

/** Undefined in a worker thread, which can't. */
function setMask(mask: number): number | undefined {
  try {
    return process.umask(mask);
  } catch {
    return undefined;
  }
}

/** Takes away what a process has left behind that is gone. @throws {SupervisorError} `CANNOT_LISTEN` where it is not. */
async function clear(path: string, inUse: Error): Promise<void> {
  const before = look(path);
  if (before === undefined) return;
  if (!before.isSocket()) {
    cannotListen(`${path} is there, and is no socket: remove it, or give another path`, inUse);
  }
  if (await isAlive(path)) {
    cannotListen(`another process listens at ${path}: stop it, or give another path`, inUse);
  }
  const after = look(path);
  // Somebody else may have replaced it meanwhile.
  if (after?.ino !== before.ino || after.ctimeMs !== before.ctimeMs) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    cannotListen(`${path} was left behind by a process that is gone, and can't be removed: remove it`, error);
  }
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const judge = (alive: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    const timer = setTimeout(() => judge(true), ANSWERS_WITHIN);
    socket.once('connect', () => judge(true));
    // What is refused has nobody behind it; anything else, such as EAGAIN or EACCES, may have.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => judge(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}

function whyNotAtPort(host: string, port: number, error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use: give another one, or 0 for any free one`;
    case 'EACCES':
      return `port ${port} on ${host} needs more rights than this process has: give one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `this machine has no address ${host}`;
    default:
      return `${host}, port ${port}: ${(error as Error).message}`;
  }
}

function whyNotAtPath(path: string, error: NodeJS.ErrnoException): string {
  // Node says EACCES for that, too.
  if (!existsSync(dirname(path))) return `the folder of ${path} is not there: make it, or give another path`;
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `this process may not make a socket at ${path}: let its user write to the folder, or give another path`;
    case 'EADDRINUSE':
      return `${path} is taken again and again: another process starts there too`;
    default:
      return `${path}: ${error.message}`;
  }
}

function cannotListen(why: string, cause: unknown): never {
  throw new SupervisorError('CANNOT_LISTEN', `The admin can't listen: ${why}`, { cause });
}
