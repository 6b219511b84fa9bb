/** The two drivers: any server behind a URL, in real time; a supervisor in this process, in simulated time. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { within } from './modelClient.ts';

const NO_TIMEOUTS = { initializeTimeout: null, sessionIdleTimeout: null, maxSessionLifetime: null };
/** Drives any server on Streamable HTTP, in real time. */
export function httpDriver(options) {
  const { url, idleTimeout = null, longCall, streams = true, deletes = true, headers = {} } = options;
  return {
    url,
    grace: options.grace ?? Math.max(500, (idleTimeout ?? 0) / 2),
    patience: 10_000,
    timeouts: { ...NO_TIMEOUTS, sessionIdleTimeout: idleTimeout },
    endings: deletes ? ['deleted'] : [],
    streams,
    longCall: longCall && ((_, ms) => longCall(Math.ceil(ms))),
    fetch: (request) => {
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
      return fetch(request);
    },
    elapse: (ms) => setTimeout(ms),
    // A server that answers with JSON says nothing until a call is over: then this is how long a request may travel.
    settle: async (exchange) => void (exchange && (await within(exchange.answered, 200))),
  };
}
/** Drives a supervisor through its real handlers, in simulated time: `clock` is the one it was made with. */
export function inProcessDriver(
  supervisor,
  clock,
  { server, timeouts, endings = ['deleted', 'terminated', 'closed', 'crashed'], patience = 10_000 },
) {
  const settle = async () => {
    // Bodies and answers cross a few turns of the event loop.
    for (let turn = 0; turn < 6; turn++) await setImmediate();
  };
  return {
    url: 'http://127.0.0.1/mcp',
    grace: 1,
    patience,
    timeouts: { ...NO_TIMEOUTS, ...timeouts },
    endings,
    streams: true,
    longCall: (key) => ({ name: 'hold', arguments: { key } }),
    fetch: (request) => supervisor.fetch(request),
    elapse: async (ms) => {
      await settle();
      clock.increment(ms);
      await settle();
    },
    settle,
    finish: (key) => server.release(key),
    answerInitialize: (clientName) => server.answerInitialize(clientName),
    end: async (sessionId, clientName, reason) => {
      const session = server.sessions.find(({ context }) => context.clientInfo?.name === clientName);
      const id = sessionId ?? session?.context.id ?? '';
      if (reason === 'closed') await session?.close();
      else await supervisor.terminate(id, reason);
    },
  };
}
