/** Reads the head of a peer's answer: what of it is for the client, and what was between us. */
import type { IncomingMessage } from 'node:http';
import { PEER_HEADER, type PeerAnswer } from './peerNetwork.ts';

/** What is of one connection, or is said anew by whoever passes the answer on. */
const OURS: ReadonlySet<string> = new Set(
  ['Connection', 'Content-Length', 'Keep-Alive', PEER_HEADER, 'Transfer-Encoding'].map((name) => name.toLowerCase()),
);

export function answerOf({ statusCode = 0, headers, rawHeaders }: IncomingMessage): PeerAnswer {
  const kept: Record<string, string> = {};
  for (let n = 0; n + 1 < rawHeaders.length; n += 2) {
    const [name, value] = [rawHeaders[n] as string, rawHeaders[n + 1] as string];
    if (OURS.has(name.toLowerCase())) continue;
    const before = kept[name];
    kept[name] = before === undefined ? value : `${before}, ${value}`;
  }
  const length = headers['content-length'];
  const peer = headers[PEER_HEADER.toLowerCase()];
  return {
    status: statusCode,
    headers: kept,
    length: length === undefined ? undefined : Number(length),
    peer: typeof peer === 'string' ? peer : undefined,
  };
}
