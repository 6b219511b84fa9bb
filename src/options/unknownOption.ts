/** The refusal of an option that does not exist: it names what was probably meant, be it ours or that of another package. */
import { distance } from 'fastest-levenshtein';
import { SupervisorError } from '../errors.ts';

const NOWHERE =
  'a supervisor listens nowhere: http.createServer(toNodeHandler(supervisor)).listen(port), or a route of your own';

/** What the SDK's transports take or have under names that are not ours, by lower-case name, and what it is here. */
const OF_THE_SDK: Readonly<Record<string, string>> = {
  onsessioninitialized:
    "the SDK's callback is the event session.opened here: supervisor.on('session.opened', listener)",
  onsessionclosed:
    "the SDK's callback is the event session.terminated here: supervisor.on('session.terminated', listener), for every ending and with its reason",
  enablednsrebindingprotection:
    'there is nothing to enable: allowedHosts and allowedOrigins are checked wherever they are given',
  keepalivems: 'it is keepAliveInterval here, in ms, and Infinity turns it off',
  supportedprotocolversions:
    'sessions have those of the SDK, and there is nothing to set; what requests of 2026-07-28 get is said by modern',
  onclose: "the SDK's callback is the event session.terminated here: supervisor.on('session.terminated', listener)",
  onerror: 'what goes wrong is told to the logger',
  onmessage: 'messages go to the server that the factory builds; what its session does is seen through inspect',
  sessionid: 'ids are made by sessionIdGenerator',
  era: 'what requests of 2026-07-28 get is said by modern, and the factory is told of which era each server is',
  legacy: 'sessions are served in any case, and what requests of 2026-07-28 get is said by modern',
};

/**
 * What other session managers and gateways call what is here: mcp-proxy, supergateway, FastMCP and the manager of the Python
 * SDK, by lower-case name. `docs/migration/` has them side by side.
 */
const OF_OTHERS: Readonly<Record<string, string>> = {
  app: 'a session has a server of its own here, which the function server builds',
  session_idle_timeout: 'did you mean sessionIdleTimeout? It is in milliseconds, and Infinity turns it off',
  event_store: 'it is eventStore here, and sessions are kept apart in it',
  eventstoremaxevents:
    'the bounds are those of the store: createMemoryEventStore({ maxEventsPerStream, maxEvents, maxBytes })',
  json_response: 'it is enableJsonResponse here',
  retry_interval: 'it is retryInterval here, in ms',
  security_settings: 'hosts and origins are allowedHosts and allowedOrigins here',
  max_sessions: 'it is maxSessions here, at which an idle session makes room unless whenFull says otherwise',
  max_request_body_size: 'it is maxRequestBodySize here',
  maxbodysize: 'it is maxRequestBodySize here',
  connectiontimeout: 'it is initializeTimeout here, which bounds the factory as well',
  requesttimeout: 'calls are not bounded here: a handler that is to end has a signal, and stops its own work',
  keepalivetimeout:
    'connections are those of your HTTP server (server.keepAliveTimeout); comments on streams are keepAliveInterval',
  ping: 'dead peers are found by comments on their streams: keepAliveInterval',
  streamkeepalive: 'it is keepAliveInterval here, for every stream',
  onconnect: "it is the event session.opened here: supervisor.on('session.opened', listener)",
  ondisconnect: "it is the event session.terminated here: supervisor.on('session.terminated', listener)",
  authenticate: 'requests are authenticated before they get here; the option principal says whose a session is',
  apikey: 'requests are authenticated before they get here; the option principal says whose a session is',
  stateful: 'sessions are the default here; stateless: true does without',
  port: NOWHERE,
  host: NOWHERE,
  path: NOWHERE,
  endpoint: NOWHERE,
  streamendpoint: NOWHERE,
  httpstream: NOWHERE,
  health: 'a route of your own, beside the handler, says how the process is',
};

/** @throws {SupervisorError} `UNKNOWN_OPTION`, always. */
export function refuseUnknown(name: string, known: readonly string[]): never {
  const names = known.includes('sessionIdleTimeout') ? { ...OF_OTHERS, ...OF_THE_SDK } : OF_THE_SDK;
  const here = new Map(Object.entries(names)).get(name.toLowerCase());
  const hint = here === undefined ? nearest(name, known) : `; ${here}`;
  throw new SupervisorError('UNKNOWN_OPTION', `There is no option ${name}${hint}`);
}

function nearest(name: string, known: readonly string[]): string {
  const wanted = name.toLowerCase();
  // Part of one name and of no other, as idleTimeout is of sessionIdleTimeout, says more than the letters that differ.
  const whole = known.filter((option) => option.toLowerCase().includes(wanted));
  if (whole.length === 1) return `; did you mean ${whole[0]}?`;
  const scored = known.map((option) => ({ option, edits: distance(wanted, option.toLowerCase()) }));
  const best = scored.reduce((a, b) => (b.edits < a.edits ? b : a));
  return best.edits <= name.length / 2 ? `; did you mean ${best.option}?` : `; there are: ${known.join(', ')}`;
}
