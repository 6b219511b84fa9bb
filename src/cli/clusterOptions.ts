/** What the flags say of a cluster: the option `cluster`, whose directory comes along with the session store. */
import { readFileSync } from 'node:fs';
import type { ClusterOptions, Directory } from '../index.ts';
import { CommandFailure, describeError, EXIT_USAGE } from './failure.ts';
import type { Flags } from './flags.ts';

/** Bytes that a secret has at least, and all files together at most. */
const SHORTEST_SECRET = 16;
const LARGEST_FILE = 65_536;

/** Hosts at which nobody can be reached. */
const ALL_ADDRESSES = ['0.0.0.0', '::'];

/**
 * Undefined where this process is to be by itself.
 * @throws {CommandFailure} where the session store is for one process, peers would not know where to connect to, or the secrets can't be
 * used.
 */
export function toClusterOptions(
  { node, peerListen, peerUrl, clusterSecretFile }: Flags,
  { directory }: { readonly directory?: Directory | undefined },
): ClusterOptions | undefined {
  if (node === undefined || peerListen === undefined || clusterSecretFile === undefined) return undefined;
  if (directory === undefined) {
    throw new CommandFailure(
      "option '--node <name>' needs a session store that other processes can have at the same time: redis://host:port",
      EXIT_USAGE,
    );
  }
  if (peerUrl === undefined && ALL_ADDRESSES.includes(peerListen.host)) {
    throw new CommandFailure(
      "option '--peer-listen <host:port>' binds all addresses: say by '--peer-url <url>' at which the other nodes reach this one",
      EXIT_USAGE,
    );
  }
  const secrets = readSecrets(clusterSecretFile);
  return { directory, node, listen: peerListen, url: peerUrl, secrets };
}

/** One or two lines in all; what is in them is told to nobody. */
function readSecrets(files: readonly string[]): readonly string[] {
  const fail = (why: string, cause?: unknown): never => {
    throw new CommandFailure(`cannot use the secrets in ${files.join(' and ')}: ${why}`, EXIT_USAGE, { cause });
  };
  let text = '';
  try {
    text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  } catch (error) {
    fail(describeError(error), error);
  }
  if (text.length > LARGEST_FILE) fail('that is too large');
  const secrets = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (secrets.length < 1 || secrets.length > 2 || new Set(secrets).size < secrets.length) {
    fail('there have to be one or two different lines');
  }
  if (secrets.some((secret) => Buffer.byteLength(secret) < SHORTEST_SECRET)) {
    fail(`each line has to have ${SHORTEST_SECRET} bytes or more`);
  }
  return secrets;
}
