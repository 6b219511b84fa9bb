/** How a server for people with a token answers: nothing is remembered, framed or sniffed, and nothing leads elsewhere. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

const HEADERS = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer', // the URL may hold the token
  'X-Content-Type-Options': 'nosniff',
} as const;

/** A request's target as a URL. What stands before its path tells nothing. */
export function targetOf({ url = '/' }: IncomingMessage): URL {
  const target = url.startsWith('/') ? `http://localhost${url}` : url;
  return URL.canParse(target) ? new URL(target) : new URL('http://localhost/');
}

/** What is done before every answer. */
export function prepare(req: IncomingMessage, res: ServerResponse): void {
  req.resume(); // a body is nothing to us, but the connection can't be used again before it has passed
  for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
}

export function sendText(res: ServerResponse, status: number, body: string): void {
  res.statusCode = status;
  send(res, 'text/plain; charset=utf-8', body);
}

/** Sends the whole; node:http leaves the body out where the method is HEAD. */
export function send(res: ServerResponse, type: string, body: string | Buffer): void {
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

/** Answers a request to upgrade, and waits for nobody who does not leave then. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  const text = STATUS_CODES[status] ?? '';
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  );
}
