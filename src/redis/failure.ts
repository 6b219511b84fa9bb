/**
 * What went wrong with Redis, in words that say what to do about it. Nothing secret is told: addresses are named by host
 * and port alone, and of what Redis says the part is left out that repeats what it was sent.
 */
import { SupervisorError } from '../errors.ts';

/** What Redis answers, by how it begins; its own code where it has one. */
const REPLIES: readonly (readonly [RegExp, string])[] = [
  [/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)/, 'refuses the user or the password'],
  [/^NOPERM/, 'does not permit its user what the stores need: see which commands and keys docs/redis.md names'],
  [/^READONLY/, 'is a replica, which nobody can write to: the stores need its master'],
  [/^OOM/, 'has no memory left for this write (maxmemory): give it more, and the policy noeviction'],
  [/^MISCONF/, 'takes no writes, because it can not save them to its disk'],
  [/^LOADING/, 'is still loading its data'],
  [/^MASTERDOWN/, 'has lost its master'],
  [/^NOREPLICAS/, 'takes no writes, because too few replicas are there'],
  [/^BUSY/, 'is busy with a script'],
  [/^(CLUSTERDOWN|TRYAGAIN)/, 'is a cluster that can not serve this key now'],
  [/^(MOVED|ASK|CROSSSLOT)/, 'is a cluster whose other nodes could not be reached'],
  [
    /unknown command|unknown subcommand/i,
    'lacks a command that the stores need: they need Redis 6.2 or later, with Lua and streams',
  ],
];

/** What a socket fails with, by its code. */
const SOCKETS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections: is it running, and is this its port?',
  ENOTFOUND: 'has a name that leads nowhere',
  EAI_AGAIN: 'has a name that can not be looked up now',
  EHOSTUNREACH: 'can not be reached',
  ENETUNREACH: 'can not be reached',
  ENOENT: 'has no socket there',
};

/** Whether an error is what Redis answered; else the connection, or the client, failed. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && /^[A-Z]+ /.test(error.message) && !('code' in error);
}

/** An answer that says this is the wrong Redis to talk to by now: another connection may lead to the right one. */
export function isOfWrongServer(error: unknown): boolean {
  return isReply(error) && /^(READONLY|MASTERDOWN|NOAUTH)/.test(error.message);
}

/** The failure that an embedder gets for what the client threw. */
export function storeFailure(where: string, error: unknown): SupervisorError {
  if (error instanceof SupervisorError) return error;
  const why = reason(error);
  return new SupervisorError('STORE_FAILED', `Redis at ${where} ${why}`, { cause: withoutSecrets(error) });
}

/** Redis did not answer in time. */
export function late(where: string, limit: number): SupervisorError {
  return new SupervisorError('STORE_FAILED', `Redis at ${where} did not answer within ${limit} ms`);
}

function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const reply = REPLIES.find(([beginning]) => beginning.test(message))?.[1];
  if (reply !== undefined) return reply;
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code !== undefined && SOCKETS[code] !== undefined) return SOCKETS[code];
  if (code !== undefined && /CERT|SSL|TLS|SELF_SIGNED|ALTNAME/.test(code)) return `could not be trusted (${code})`;
  if (/Socket closed|Disconnects client/.test(message)) return 'was lost before it had answered';
  if (/root nodes are unavailable/i.test(message)) return 'is a cluster none of whose nodes can be reached';
  return `failed: ${told(message)}`;
}

/** The cause that is given along: its words, without what repeats the arguments of a command. */
function withoutSecrets(error: unknown): Error {
  const cause = new Error(told(error instanceof Error ? error.message : String(error)));
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === undefined ? cause : Object.assign(cause, { code });
}

function told(message: string): string {
  return message.replace(/,? with args beginning with.*$/s, '').slice(0, 200);
}
