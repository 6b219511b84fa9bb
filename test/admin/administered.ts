/** A supervisor with an admin, for the length of a test, and requests to it as they are given. */
import { type RequestOptions, request } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { type Admin, type AdminOptions, serveAdmin } from '../../src/admin/index.ts';
import type { LogEntry } from '../../src/index.ts';
import { type Served, type ServeOptions, type Supervisor, serve } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The text as JSON. */
  json(): unknown;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The token that is sent along; none by default. */
  readonly token?: string | undefined;
  readonly body?: string;
  /** How long the answer may take, in ms. */
  readonly within?: number;
}

/** Asks an admin, at its port or its socket. */
export function ask(admin: Pick<Admin, 'address' | 'port'>, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', token, body, within } = options;
  const headers = { ...options.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const where: RequestOptions =
    admin.port === undefined ? { socketPath: admin.address } : { host: '127.0.0.1', port: admin.port };
  const answer = new Promise<Answer>((resolve, reject) => {
    const asking = request({ ...where, path, method, headers, agent: false }, (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      const done = (text: string) =>
        resolve({ status, headers: answered, text, json: () => JSON.parse(text) as unknown });
      readText(response).then(done, reject);
    });
    asking.on('error', reject);
    asking.end(body);
  });
  return withTimeout(answer, {
    what: `the admin's answer to ${method} ${path}`,
    ...(within !== undefined && { within }),
  });
}

/** Serves an admin of a supervisor, and closes it when the test ends. */
export async function administer(supervisor: Supervisor, options: AdminOptions = {}): Promise<Admin> {
  const admin = await serveAdmin(supervisor, options);
  onTestFinished(() => withTimeout(admin.close(), { what: 'the admin to close' }));
  return admin;
}

export interface Administered extends Served {
  readonly admin: Admin;
  /** What the admin has logged. */
  readonly lines: readonly LogEntry[];
  /** Asks it with its token. */
  readonly told: (path: string, options?: AskOptions) => Promise<Answer>;
}

export async function serveAdministered(
  options: ServeOptions = {},
  adminOptions: AdminOptions = {},
): Promise<Administered> {
  const served = await serve(options);
  const lines: LogEntry[] = [];
  const admin = await administer(served.supervisor, { logger: (entry) => void lines.push(entry), ...adminOptions });
  return { ...served, admin, lines, told: (path, more) => ask(admin, path, { token: admin.token, ...more }) };
}
