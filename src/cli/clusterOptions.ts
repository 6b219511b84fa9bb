/** What the flags say of a cluster: the option `cluster`, whose directory comes along with the session store. */
import { readFileSync } from 'node:fs';
import type { ClusterOptions, Directory } from '../index.ts';
import { CommandFailure, describeError, EXIT_USAGE } from './failure.ts';
import type { Flags } from './flags.ts';

/** Bytes that a secret has at least, and the file at most. */
const SHORTEST_SECRET = 16;
const LARGEST_FILE = 65_536;

/**
 * Undefined where this process is to be by itself.
 * @throws {CommandFailure} where the session store is for one process, or the file of the secrets can't be used.
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
  const secrets = readSecrets(clusterSecretFile);
  return { directory, node, listen: peerListen, url: peerUrl, secrets };
}

/** One or two lines; what is in them is told to nobody. */
function readSecrets(file: string): readonly string[] {
  const fail = (why: string, cause?: unknown): never => {
    throw new CommandFailure(`cannot use the secrets in ${file}: ${why}`, EXIT_USAGE, { cause });
  };
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    fail(describeError(error), error);
  }
  if (text.length > LARGEST_FILE) fail('it is too large');
  const secrets = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (secrets.length < 1 || secrets.length > 2 || new Set(secrets).size < secrets.length) {
    fail('it has to have one or two different lines');
  }
  if (secrets.some((secret) => Buffer.byteLength(secret) < SHORTEST_SECRET)) {
    fail(`each line has to have ${SHORTEST_SECRET} bytes or more`);
  }
  return secrets;
}
