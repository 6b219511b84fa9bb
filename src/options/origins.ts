/** Origins as an `Origin` header says them, and what the `cors` option may be. */
import { invalid } from '../errors.ts';
import { type Check, strings } from './checks.ts';

/** CORS with request headers of one's own. */
export interface CorsOptions {
  /** Origins of browser clients, or `'*'`. */
  readonly origins: readonly string[] | '*';
  /** Names of request headers that they may send besides those of MCP: `['x-api-key', 'traceparent']`. Default none. */
  readonly headers?: readonly string[] | undefined;
}

/** Origins that a browser, an extension or an application can send. */
export const origins: Check<readonly string[]> = (name, value) => {
  for (const origin of strings(name, value)) {
    if (isOrigin(origin)) continue;
    invalid(name, origin, 'exact origins such as http://localhost:3000, without a path or a trailing slash');
  }
  return value as readonly string[];
};

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  // Of schemes that are not the web's (chrome-extension, vscode-webview, tauri) a URL knows no origin.
  if (url.origin !== 'null') return url.origin === text;
  return url.host !== '' && `${url.protocol}//${url.host}` === text;
}

const originsOrAll: Check<readonly string[] | '*'> = (name, value) => (value === '*' ? value : origins(name, value));

export const cors: Check<readonly string[] | '*' | CorsOptions> = (name, value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return originsOrAll(name, value);
  const { origins: given, headers = [], ...rest } = value as Record<string, unknown>;
  if (given === undefined || Object.keys(rest).length > 0) invalid(name, value, 'origins, or { origins, headers }');
  return { origins: originsOrAll(`${name}.origins`, given), headers: headerNames(`${name}.headers`, headers) };
};

/** Names of headers (RFC 9110, section 5.6.2). A lone asterisk would be taken for a wildcard. */
const headerNames: Check<readonly string[]> = (name, value) => {
  for (const header of strings(name, value)) {
    if (header === '*' || !/^[!#$%&'*+.^_`|~\w-]+$/.test(header)) invalid(name, header, 'names of headers');
  }
  return value as readonly string[];
};
