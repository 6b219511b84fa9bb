/**
 * A `fetch` that opens a connection for each request. A pooled connection that its server closes in the very moment of
 * its next use looks like a request that was cut off; one that is used once can't. It never gives up on a silent answer
 * either, as the global `fetch` does after five minutes.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';

const MOST_REDIRECTS = 5;

/** Redirects that keep method and body. */
const REDIRECTS: ReadonlySet<number> = new Set([307, 308]);

/** Statuses whose responses have no body, and must be given none. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Sends a request on a connection of its own. Rejects when no answer comes; a body that is cut off rejects its reader. */
export async function freshFetch(request: Request): Promise<Response> {
  const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
  const headers = Object.fromEntries(request.headers);
  const options: RequestOptions = { method: request.method, headers, agent: false, signal: request.signal };
  let url = new URL(request.url);
  for (let redirects = 0; ; redirects++) {
    const answer = await send(url, options, body);
    const next = REDIRECTS.has(answer.statusCode ?? 0) ? answer.headers.location : undefined;
    const target = next === undefined ? undefined : new URL(next, url);
    // Another origin must not see what this one was sent.
    if (target?.origin !== url.origin || redirects === MOST_REDIRECTS) return responseOf(answer);
    answer.resume();
    url = target;
  }
}

function send(url: URL, options: RequestOptions, body: Buffer | undefined): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end(body);
  });
}

function responseOf(answer: IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = answer;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
  if (!BODILESS.has(status)) return new Response(Readable.toWeb(answer) as ReadableStream, { status, headers });
  answer.resume();
  return new Response(null, { status, headers });
}
