/** The promises of docs/wire.md, by their numbers and the names of refusals, and the tests that show them. */
import { REFUSALS } from '../../src/errors.ts';
import type { Claim } from './claim.ts';
import { shown, testsOf } from './requirement.ts';

const { auth, bodies, ending, endings, eventLog, eventStore, lifecycle, lifetime, options, principals } = shown;
const { headers, lastEventIds, requests, resumedCalls, resumedGet, routing, stateless, wireLifecycle, wireStreams } =
  shown;
const abandoned = testsOf('http/abandonedCalls');
const cors = testsOf('http/cors');
const draining = testsOf('http/races/draining');
const drain = testsOf('http/drain');
const holding = testsOf('http/races/holding');
const json = testsOf('http/modes/jsonResponse');
const opening = testsOf('http/races/opening');
const slowReaders = testsOf('http/races/slowReaders');
const storeFailures = testsOf('stores/eventLogFailures');
const trouble = testsOf('http/races/trouble');
const nodes = testsOf('cluster/routing');
const takeover = testsOf('cluster/takeover');
const fencing = testsOf('cluster/fencing');
const eras = testsOf('modern/eras');
const serving = testsOf('modern/serving');
const waking = testsOf('http/durable/waking');

const FIRST = '9. A first request that is refused: no session, no id, no slot taken';
const BROKEN =
  '12. A server factory that throws, or returns a broken server: the client gets an error, the supervisor goes on';
const DELETED = "2. DELETE while a call runs: the call's client gets an answer (a JSON-RPC error), not an empty body";
const TWO_CLIENTS = '20. The same session used by two clients at once';
const DRAIN = '16. Drain during initialize, during a call, with parked GET streams, twice at once';

const RULES: Readonly<Record<string, readonly string[]>> = {
  S1: [
    ...wireLifecycle('an initialize > is answered with what the server is and can do, and with the id'),
    ...opening(`${FIRST} > *`, `${BROKEN} > *`),
    ...testsOf('http/unwritable')('an initialize whose result is no JSON, *'),
    ...requests('initialize > *: 400, and no session'),
  ],
  S2: [...options('defaults > an id for each session, unguessable'), ...wireLifecycle('session ids > *')],
  S3: [
    ...endings('*: one line in the log, one event, 404'),
    ...lifecycle(
      'initialize gives an id, the session works, idles, ends when its time is up, and is not found from then on',
    ),
    ...requests('the session id > is unknown (*): 404 on all three methods'),
  ],
  S4: [
    ...principals('a foreign principal *'),
    ...headers('session ids of others > *'),
    ...auth('a stolen session id is worth what an unknown one is, byte for byte (*)'),
  ],
  S5: [
    ...requests('initialize > inside a session: 400, and the session lives on'),
    ...wireLifecycle(
      'an initialize > after the 404 of an ended session: without its id a new session, with it 404 again',
    ),
  ],
  S6: ending(
    '1. Two DELETEs at once: teardown runs once, the second gets 404',
    '1. Two DELETEs in one packet: the second is answered after the first, with 404',
  ),
  S7: [
    ...ending(
      `${DELETED} > *`,
      '15. A server→client request (sampling, elicitation) pending when the session ends: rejected, not forgotten > *',
    ),
    ...endings('a crash is the matter of its session alone: its calls and streams end, all others go on'),
  ],
  S8: holding('5. *', '6. *', '8. *'),
  S9: lifetime('*'),
  S10: wireLifecycle('an initialize > without notifications/initialized after it: *'),

  A1: [
    ...wireStreams('a request is answered with 200 and one of the two types *'),
    ...json('every answer to a POST *'),
  ],
  A2: bodies('notifications and responses get 202 without a body'),
  A3: [
    ...trouble(`${TWO_CLIENTS} > of two calls with the same id in flight *`, `${TWO_CLIENTS} > each gets its own *`),
    ...abandoned(
      'an id whose client is gone is free at once, and each call hears its own: *',
      'a cancellation under an id that was used again cancels the second call, not the first',
    ),
    ...testsOf('http/races/sameIds')('an id whose call lost its client is free: *'),
  ],
  A4: [
    ...wireStreams(
      'a disconnect cancels nothing: *',
      'notifications/cancelled cancels: *',
      'on a stream that can be resumed *',
    ),
    ...json('a call in flight is settled > when its client cancels it'),
    ...abandoned('at most 4 096 handlers run in a session, the client there or not; then 429'),
    ...eventStore('a connection that breaks during a call > *'),
  ],
  A5: cors('*'),
  A6: testsOf('http/wireOrder')('of a *'),
  A7: routing('a tool sees the headers and the authentication of the request that it answers'),

  T1: [...routing('*'), ...testsOf('http/initializeMessages')('*')],
  T2: wireStreams(
    'the stream of a request ends after the response, and ends well',
    'a response whose stream was lost is never sent on the GET stream',
  ),
  T3: routing(
    'notifications by themselves travel on the GET stream; without one they are lost, and nothing fails',
    'a request of the server > without a stream that could carry it: rejected at once, not waited for',
  ),
  T4: [...resumedGet('several GET streams > *'), ...holding('7. *'), ...testsOf('transport/getStreams')('*')],
  T5: [
    ...routing('streams are kept alive by comments, and never cached or buffered on the way'),
    ...holding('7. A GET stream whose peer vanished without closing: *'),
    ...testsOf('http/races/pausedPeers')('a peer *'),
  ],
  T6: routing('streams are kept alive by comments, and never cached or buffered on the way'),
  T7: slowReaders('*'),
  T8: json('notifications and requests of a call have no way to the client; the GET stream has'),
  T9: [
    ...wireStreams(
      'with* > every stream begins with when to come back (retryInterval: *)',
      'with* > a client is told the same on all of its streams, and others something else',
      'with* > a client of *, which would stumble over it, gets no block without data',
      'an answer that is there at once says nothing of coming back: it leaves in one write, with its length',
      'a connection that the server closes says by retry when to come back (retryInterval: *)',
    ),
    ...testsOf('transport/reconnectionDelay')('*'),
    ...testsOf('http/resumption/restarts')('*'),
  ],

  R1: [...eventStore('priming > *'), ...resumedCalls('a stream that is not yet to be resumed > *')],
  R2: [
    ...eventStore('priming > every event of a session has an id of its own'),
    ...eventLog('an event id names its stream: *'),
  ],
  R3: [
    ...resumedCalls(
      'a stream that its handler closes > *',
      'a line that breaks > *',
      'two resumptions of one stream *',
    ),
    ...resumedGet('the GET stream > *'),
  ],
  R4: [...lastEventIds('*'), ...eventLog("an event that is not the session's > *")],
  R5: [
    ...wireStreams('a connection that the server closes says by retry when to come back (retryInterval: *)'),
    ...resumedGet('several GET streams > the 17th ends the first, whose client may come back and then ends the second'),
  ],
  R6: eventStore('a connection that breaks during a call > *'),
  R7: [...storeFailures('*'), ...eventStore('a store that fails: the stream goes on without it, and the log says so')],
  R8: eventStore('priming > without a store there are neither ids nor priming events'),
  R9: [
    ...wireStreams('a client that has all of a complete stream, and asks for more, is told that there is none: 204'),
    ...testsOf('http/resumption/manyBroken')('*'),
  ],

  K1: [
    ...testsOf('http/durable/restore')('in another process > it goes on, with its state and what its client said'),
    ...testsOf('http/durable/factory')('a factory that > hangs: a request waits restoreTimeout; *'),
    ...testsOf('http/durable/bounds')('restores > a GET lets POSTs go first, and waits three times as long'),
  ],
  K2: waking('another principal > *'),
  K3: waking('a store that > *', 'forged ids > *'),
  K4: testsOf('http/durable/endings')('DELETE > *', 'of a session that has gone on in another process > *'),
  K5: waking('to a parked session > * gets 202, and no server is built'),
  K6: testsOf('http/durable/state')('an answer > *', 'a write that > *'),
  K7: testsOf('http/durable/resumption')('an answer of before > *'),
  K8: testsOf('http/durable/factory')(
    'a server that > has no tools any more: *',
    'a server that > negotiates another version: *',
  ),

  N1: nodes(
    'a session is answered by every node, and lives where it began',
    'an SDK client whose requests go to any node sees one server: *',
    'a GET stream through another node hears what the session is told',
    'a session that ends elsewhere > by DELETE at any node is gone at all of them',
  ),
  N2: nodes('ids > that no node of this cluster has made are 404, *', 'ids > of before a rotation *'),
  N3: takeover(
    'the owner is killed > a request is held until its lease has run out, *',
    'the owner is killed > a request that it had is answered *',
  ),
  N4: [
    ...takeover('an owner that lives and can’t be reached from one node: *', 'nobody knows who owns a session: *'),
    ...fencing('the store is away: *'),
  ],
  N5: fencing('the owner can’t reach the directory > it answers until *', 'a pause of the owner that is *'),
  N6: fencing('fenced in the midst of an initialize: *'),
  N7: testsOf('cluster/drain')('what is asked of the node that drains is answered by another one, *'),

  V1: requests('the protocol version > * in the body of an initialize is answered by *'),
  V2: [
    ...requests('the protocol version > * in the header of a request gets 400, whatever was negotiated'),
    ...testsOf('http/adapters')('* > plain > *an unknown version on an initialize*'),
  ],
  V3: [
    ...requests('the protocol version > * in the header of a request gets 200, whatever was negotiated'),
    ...bodies('batches > are refused in a session of *'),
  ],
  V4: stateless('a request that names no version is taken for one of 2025-03-26, as nothing else says which it is'),

  V5: [
    ...eras("'serve' > an initialize without a claim opens a session, *, which is never of 2026-07-28"),
    ...testsOf('modern/echoes')('*'),
  ],

  E1: eras("'serve' > *"),
  E2: [
    ...eras("'refuse', the default > *", "'off' > only the rules of sessions are there"),
    ...testsOf('modern/clients')('on an endpoint that does not* > a client of both falls back to a session, *'),
  ],
  E3: eras("'serve' > *"),
  E4: serving('a call > *'),
  E5: serving('a client that leaves > *'),
  E6: serving('a factory > that builds servers of SDK v1: *'),
  E7: testsOf('modern/listening')('*'),
  E8: [...serving('a drain > *'), ...testsOf('modern/listening')('a drain > *')],
  E9: testsOf('modern/restarts')('*'),

  B1: bodies('batches > are refused in a session of *', 'batches > of up to 100 messages are taken'),
  B2: [...bodies('batches > in a session of 2025-03-26: *'), ...json('batches of 2025-03-26 > *')],
  B3: bodies('batches > with an id twice, or with one that is in flight, are refused as a whole'),

  L1: stateless('every request gets a fresh server, *', 'GET and DELETE: 405, with or without an id; *'),
  L2: stateless('GET and DELETE: 405, with or without an id; *'),
  L3: stateless('a client that disconnects ends its call, and the server with it'),

  D1: drain('while it drains, nobody new is let in: 503 with Retry-After, and the connection is closed'),
  D2: [...draining(`${DRAIN} > during a call: *`), ...drain('how long it waits for calls > *')],
  D3: drain('what a call in flight waits for is let through > *', 'while it drains, a session may still be deleted'),
  D4: draining(`${DRAIN} > with parked GET streams: *`),
  D5: drain('a drained supervisor refuses everything, and says so'),
};

/** Refusals that take servers which have outlived their sessions, sessions which have outlived their servers, processes, or nodes. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  tooManyServers: testsOf('http/serverLives')(
    'at most 2 × maxSessions servers live, those that close included; then 503, until one has closed',
  ),
  serverUnavailable: testsOf('stdio/starts')(
    'case 5: no room for another process > is 503 with Retry-After, and other sessions are untouched',
  ),
  notJoined: fencing('two processes under one name: *'),
  sessionElsewhere: takeover('an owner that lives and can’t be reached from one node: *'),
  ownerLost: testsOf('cluster/peers/failures')(
    'it may have been delivered, so the client is told that it is lost: > *',
  ),
  restoring: testsOf('http/durable/factory')(
    'a factory that > hangs: a request waits restoreTimeout; the restore goes on, and those who come later join it',
  ),
  restoreFailed: testsOf('http/durable/factory')(
    'a factory that > fails always: 503, the session stays, and the next request tries again',
  ),
  tooManyRestores: testsOf('http/durable/attacks')('requests that wait for one session are bounded by themselves'),
};

export const PROMISES: readonly Claim[] = [
  ...Object.keys(REFUSALS).map((id) => ({ id, tests: ELSEWHERE[id] ?? testsOf('http/refusals')(id) })),
  ...Object.entries(RULES).map(([id, tests]) => ({ id, tests })),
];
