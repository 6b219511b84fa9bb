/** Server-sent events as text (WHATWG HTML, section 9.2). Every value put in is one line, by construction. */

/** A comment; clients ignore it, but a dead peer does not acknowledge it. */
export const KEEP_ALIVE = ': keep-alive\n\n';

/** A comment before anything else, where a stream has to show that it has begun. */
export const BEGINNING = ': stream\n\n';

/** The headers of a stream: not cached, not transformed and not buffered on its way. */
export function sseHeaders(sessionId: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  };
  if (sessionId !== undefined) headers['Mcp-Session-Id'] = sessionId;
  return headers;
}

/** One JSON-RPC message, already serialised. */
export function messageFrame(json: string, eventId?: string): string {
  return eventId === undefined
    ? `event: message\ndata: ${json}\n\n`
    : `event: message\nid: ${eventId}\ndata: ${json}\n\n`;
}

/** An event with an id and no data, from which a client can resume a stream before its first message. */
export function primingFrame(eventId: string): string {
  return `id: ${eventId}\ndata: \n\n`;
}

/** Tells the client how long to wait, in ms, before it reconnects. A block without data, which not every client takes. */
export function retryFrame(retry: number): string {
  return `retry: ${Math.ceil(retry)}\n\n`;
}
