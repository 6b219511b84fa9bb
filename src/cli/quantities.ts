/** Durations, sizes, counts, ports and lists as they are written on a command line. Pure. */
import { InvalidArgumentError } from 'commander';

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 * 1024 };

/** The longest delay of Node's timers, in ms. */
const LONGEST_DELAY = 2 ** 31 - 1;
const NUMBER_AND_UNIT = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i;

const quote = (text: string): string => JSON.stringify(text);

/** Milliseconds of `500ms`, `30s`, `1.5h`. Refuses a bare number, zero, and what Node's timers can't wait for. */
export function parseDuration(text: string): number {
  const [, number, unit] = NUMBER_AND_UNIT.exec(text.trim()) ?? [];
  if (number !== undefined && unit === '') {
    throw new InvalidArgumentError(`A duration needs a unit: ${number}ms, ${number}s, ${number}m or ${number}h.`);
  }
  const factor = unit === undefined ? undefined : DURATION_UNITS[unit.toLowerCase()];
  if (number === undefined || factor === undefined) {
    throw new InvalidArgumentError(`Not a duration: ${quote(text)}. Write it as 500ms, 30s, 30m or 2h.`);
  }
  const milliseconds = Number(number) * factor;
  if (milliseconds === 0) throw new InvalidArgumentError('A duration must be more than zero.');
  if (milliseconds > LONGEST_DELAY) {
    throw new InvalidArgumentError(`A duration may be at most ${Math.floor(LONGEST_DELAY / 3_600_000)}h.`);
  }
  return milliseconds;
}

/** As `parseDuration`; `infinity` means never. */
export function parseDurationOrInfinity(text: string): number {
  return isInfinity(text) ? Number.POSITIVE_INFINITY : parseDuration(text);
}

/** As `parseDuration`; zero means at once. */
export function parseDurationOrZero(text: string): number {
  return /^0+(?:\.0+)?\s*(?:ms|[smh])$/i.test(text.trim()) ? 0 : parseDuration(text);
}

/** Bytes of `512b`, `64kb`, `4mb` (1 kb is 1024 bytes). Refuses a bare number and zero. */
export function parseSize(text: string): number {
  const [, number, unit] = NUMBER_AND_UNIT.exec(text.trim()) ?? [];
  if (number !== undefined && unit === '') {
    throw new InvalidArgumentError(`A size needs a unit: ${number}b, ${number}kb or ${number}mb.`);
  }
  const factor = unit === undefined ? undefined : SIZE_UNITS[unit.toLowerCase()];
  if (number === undefined || factor === undefined) {
    throw new InvalidArgumentError(`Not a size: ${quote(text)}. Write it as 512b, 64kb or 4mb.`);
  }
  const bytes = Number(number) * factor;
  if (bytes === 0) throw new InvalidArgumentError('A size must be more than zero.');
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError(`Not a whole number of bytes: ${quote(text)}.`);
  return bytes;
}

/** A positive whole number, or `infinity`. */
export function parseCount(text: string): number {
  if (isInfinity(text)) return Number.POSITIVE_INFINITY;
  const count = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  if (count > 0 && Number.isSafeInteger(count)) return count;
  throw new InvalidArgumentError(`Not a positive whole number: ${quote(text)}.`);
}

/** A whole number, 0 or more. */
export function parseWholeNumber(text: string): number {
  const number = /^\d+$/.test(text.trim()) ? Number(text) : -1;
  if (number >= 0 && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError(`Not a whole number: ${quote(text)}.`);
}

const RESTARTS = ['temporary', 'transient', 'permanent'] as const;

/** What others call them: systemd, Docker. */
const OTHER_NAMES: Readonly<Record<string, (typeof RESTARTS)[number]>> = {
  never: 'temporary',
  no: 'temporary',
  'on-failure': 'transient',
  always: 'permanent',
  'unless-stopped': 'permanent',
};

/** Whether a process is started again, by OTP's names. */
export function parseRestart(text: string): (typeof RESTARTS)[number] {
  const policy = RESTARTS.find((name) => name === text);
  if (policy !== undefined) return policy;
  const meant = Object.hasOwn(OTHER_NAMES, text) ? ` (${text} is ${OTHER_NAMES[text]} here)` : '';
  throw new InvalidArgumentError(`Allowed choices are ${RESTARTS.join(', ')}${meant}.`);
}

/** Where sessions are kept: in memory, in a directory, or in Redis. */
export type StoreLocation =
  | { readonly kind: 'memory' }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'redis'; readonly url: string };

/**
 * `memory`, the path of a directory, or the URL of a Redis, which is looked at when it is used: what is refused here is
 * printed, and it may hold a password. Other URLs name no store that there is.
 */
export function parseStoreLocation(text: string): StoreLocation {
  if (text === 'memory') return { kind: 'memory' };
  if (/^rediss?:/i.test(text)) return { kind: 'redis', url: text };
  if (text.trim() === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new InvalidArgumentError(`Not a session store: ${quote(text)}. Give memory, a directory, or redis://….`);
  }
  return { kind: 'directory', path: text };
}

/** A TCP port; 0 takes a free one. */
export function parsePort(text: string): number {
  const port = /^\d+$/.test(text.trim()) ? Number(text) : -1;
  if (port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError(`Not a port: ${quote(text)}. Ports are 0 (a free one) to 65535.`);
}

/** The name of a node of a cluster. */
export function parseNode(text: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError(`Not a name of a node: ${quote(text)}. It has 1 to 32 letters, digits, - and _.`);
}

/** Where a node listens for its peers. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, the host of an IPv6 address in brackets or not. */
export function parsePeerAddress(text: string): PeerAddress {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  if (at > 0 && host !== '') return { host, port: parsePort(text.slice(at + 1)) };
  throw new InvalidArgumentError(`Not host:port: ${quote(text)}. Give 10.0.0.7:7000, for instance.`);
}

/** `http://host:port`. */
export function parsePeerUrl(text: string): string {
  if (URL.canParse(text)) {
    const { protocol, origin, href } = new URL(text);
    if ((protocol === 'http:' || protocol === 'https:') && href === `${origin}/`) return origin;
  }
  throw new InvalidArgumentError(
    `Not where a node is reached: ${quote(text)}. Give http://10.0.0.7:7000, for instance.`,
  );
}

/** The path of the endpoint, as requests will name it. */
export function parsePath(text: string): string {
  if (!text.startsWith('/')) throw new InvalidArgumentError(`A path starts with a slash: ${quote(`/${text}`)}.`);
  const { pathname } = new URL(`http://localhost${text}`);
  if (pathname === text) return text;
  throw new InvalidArgumentError(`Not a plain path: ${quote(text)}. It would arrive as ${quote(pathname)}.`);
}

/** What a list flag holds: its entries, or `*` for all. */
export type ListOrAll = readonly string[] | '*';

/** `a,b` as a list; `*` alone stands for all. */
export function parseList(text: string): ListOrAll {
  const entries = entriesOf(text);
  if (!entries.includes('*')) return entries;
  if (entries.length === 1) return '*';
  throw new InvalidArgumentError('* stands for all, so it stands alone.');
}

/** A list of exact origins (`http://localhost:3000`), or `*`. */
export function parseOrigins(text: string): ListOrAll {
  const list = parseList(text);
  if (list === '*') return list;
  for (const entry of list) {
    if (isOrigin(entry)) continue;
    throw new InvalidArgumentError(
      `Not an exact origin: ${quote(entry)}. Write it as https://app.example or http://localhost:6274.`,
    );
  }
  return list;
}

/** A list of names of headers (RFC 9110, section 5.6.2); browsers would take `*` for a name where a token is sent. */
export function parseHeaderNames(text: string): readonly string[] {
  const names = entriesOf(text);
  for (const name of names) {
    if (name !== '*' && /^[!#$%&'*+.^_`|~\w-]+$/.test(name)) continue;
    throw new InvalidArgumentError(`Not the name of a header: ${quote(name)}.`);
  }
  return names;
}

function entriesOf(text: string): readonly string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.includes('')) throw new InvalidArgumentError(`An entry of the list ${quote(text)} is empty.`);
  return entries;
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, host, protocol } = new URL(text);
  // Of schemes that are not the web's (chrome-extension, vscode-webview, tauri) a URL knows no origin.
  return origin === 'null' ? host !== '' && `${protocol}//${host}` === text : origin === text;
}

function isInfinity(text: string): boolean {
  return text.trim().toLowerCase() === 'infinity';
}
