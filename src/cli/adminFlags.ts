/** The flags of the operator's listener, and of how the command leaves. */
import { InvalidArgumentError, Option } from 'commander';
import { parseDurationOrZero, parseList, parsePeerAddress } from './quantities.ts';

/** Where the operator's listener is to be: a port, or a unix socket. */
export type AdminPlace = { readonly host: string; readonly port: number } | { readonly path: string };

export interface AdminFlags {
  readonly admin?: AdminPlace;
  readonly adminTokenFile?: string;
  readonly adminAllowChanges?: true;
  readonly adminAllowedHosts?: readonly string[];
  readonly adminInspector?: true;
  /** In ms. */
  readonly drainDelay?: number;
}

/** `host:port`, or a path, which has a slash in it. */
function parseAdminPlace(text: string): AdminPlace {
  if (text.includes('/')) return { path: text };
  try {
    return parsePeerAddress(text);
  } catch (error) {
    // Of a port that is none there is more to say.
    if (text.includes(':') && !text.startsWith(':')) throw error;
    throw new InvalidArgumentError(
      `Not where to listen: ${JSON.stringify(text)}. Give 127.0.0.1:9464, or the path of a unix socket with a slash in it.`,
    );
  }
}

/** A list of names; to accept any would let every page of the web in whose name leads here. */
function parseNames(text: string): readonly string[] {
  const names = parseList(text);
  if (names === '*') throw new InvalidArgumentError('Names, not *: any name would let any page of the web ask.');
  return names;
}

export const ADMIN_FLAGS: readonly Option[] = [
  new Option(
    '--admin <place>',
    'host:port or the path of a unix socket: /livez, /readyz, /startupz, /metrics, and with its token /stats and /sessions (default: off)',
  ).argParser(parseAdminPlace),
  new Option(
    '--admin-token-file <file>',
    'what opens more than health and metrics; needed on any address but loopback (default: random, printed)',
  ),
  new Option('--admin-allow-changes', 'sessions may be ended and parked there, and the command drained'),
  new Option(
    '--admin-allowed-hosts <names>',
    'Host names, besides those of loopback and any address, by which it may be asked for more than health, a,b',
  ).argParser(parseNames),
  new Option('--admin-inspector', 'the page with the sessions is there, at /inspector/').conflicts('stateless'),
  new Option(
    '--drain-delay <duration>',
    'at the end: how long /readyz says no before anything is refused (default: 0s)',
  ).argParser(parseDurationOrZero),
];
