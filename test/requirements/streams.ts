/** The page on transports, second half: GET, resumption, sessions, versions. */
import { linesOf, type Requirement, shown, testsOf } from './requirement.ts';

const line = linesOf('transports');
const { auth, bodies, ending, eventLog, eventStore, lifecycle, options, principals, requests, routing, stateless } =
  shown;
const { endings, lastEventIds, resumedCalls, resumedGet, wireLifecycle, wireStreams } = shown;
const custom = { notOurs: 'The transport is Streamable HTTP itself, no custom one.' };

export const STREAMS: readonly Requirement[] = [
  line('client', 'MUST', 'listening-for-messages-from-the-server', 'get-accept', 'A GET accepts event streams.', [
    ...requests('Accept > of a GET: *'),
  ]),
  line(
    'server',
    'MUST',
    'listening-for-messages-from-the-server',
    'get-stream-or-405',
    'A GET is answered as an event stream, or with 405 where there is none (stateless).',
    [
      ...requests('Accept > of a GET: text/event-stream gets 200'),
      ...routing('streams are kept alive by comments, and never cached or buffered on the way'),
      ...stateless('GET and DELETE: 405, with or without an id; an id on a POST is nothing to it'),
    ],
  ),
  line(
    'server',
    'MAY',
    'listening-for-messages-from-the-server',
    'get-messages',
    'The GET stream carries requests and notifications.',
    routing(
      'a request of the server > * by itself travels on the GET stream',
      'notifications by themselves travel on the GET stream; without one they are lost, and nothing fails',
    ),
  ),
  line(
    'server',
    'SHOULD',
    'listening-for-messages-from-the-server',
    'get-unrelated',
    'They have nothing to do with a request of the client that is being answered.',
    routing(
      'notifications of concurrent calls each stay on their stream, before the answer',
      'a request of the server > * of a call travels on its stream, and the answer finds the way back',
    ),
  ),
  line(
    'server',
    'MUST NOT',
    'listening-for-messages-from-the-server',
    'get-no-response',
    'No response travels on a GET stream, unless it resumes the stream of that request.',
    wireStreams('a response whose stream was lost is never sent on the GET stream'),
  ),
  line(
    'server',
    'MAY',
    'listening-for-messages-from-the-server',
    'get-closed-by-server',
    'The server may close the GET stream.',
    resumedGet('the GET stream > is closed on purpose, and resumed from the last event'),
  ),
  line(
    'server',
    'SHOULD',
    'listening-for-messages-from-the-server',
    'get-retry',
    'Where it closes the connection alone, it says by `retry` when to come back.',
    wireStreams('a connection that the server closes says by retry when to come back (retryInterval: *)'),
  ),
  line(
    'client',
    'MAY',
    'listening-for-messages-from-the-server',
    'get-closed-by-client',
    'The client may close the GET stream: its session idles.',
    testsOf('http/races/holding')(
      '6. A parked GET stream without POSTs past the timeout: kept; after it closes, the session idles and ends on time > *',
    ),
  ),

  line('client', 'MAY', 'multiple-connections', 'many-streams', 'A client may hold many streams at once.', [
    ...wireStreams('a client may have many streams open at once'),
  ]),
  line('server', 'MUST', 'multiple-connections', 'one-stream', 'Each message is sent on one stream.', [
    ...routing(
      'notifications of concurrent calls each stay on their stream, before the answer',
      'a request of the server > *',
    ),
  ]),
  line('server', 'MUST NOT', 'multiple-connections', 'no-broadcast', 'No message is sent on several streams.', [
    ...routing(
      'notifications of concurrent calls each stay on their stream, before the answer',
      'sessions never hear of one another',
    ),
    ...testsOf('http/races/trouble')(
      '20. The same session used by two clients at once > each may have a GET stream, and a message is on one of them',
    ),
  ]),

  line('server', 'MAY', 'resumability-and-redelivery', 'event-ids', 'Events may have ids: with an event store.', [
    ...eventStore('priming > *'),
  ]),
  line(
    'server',
    'MUST',
    'resumability-and-redelivery',
    'event-ids-unique',
    'No two events of a session have the same id, whatever their streams.',
    eventStore('priming > every event of a session has an id of its own'),
  ),
  line(
    'server',
    'SHOULD',
    'resumability-and-redelivery',
    'event-ids-name-stream',
    'An event id says which stream it belongs to.',
    eventLog('an event id names its stream: *'),
  ),
  line(
    'client',
    'SHOULD',
    'resumability-and-redelivery',
    'resume-by-get',
    'A client resumes by GET with Last-Event-ID; a stream that nobody resumes holds its session for resumeTimeout.',
    eventStore(
      'a connection that breaks during a call > the call goes on, holds its session, and is answered to whoever resumes',
      'a connection that breaks during a call > after resumeTimeout it holds its session no longer',
    ),
  ),
  line(
    'server',
    'MAY',
    'resumability-and-redelivery',
    'replay',
    'What came after that event on its stream is replayed, and the stream goes on.',
    [
      ...resumedCalls('a stream that its handler closes > *', 'a line that breaks > *'),
      ...resumedGet('the GET stream > *'),
      ...eventLog('* > gives each stream of each session back what is its own: all of it, in order, nothing else'),
    ],
  ),
  line(
    'server',
    'MUST NOT',
    'resumability-and-redelivery',
    'replay-own-stream',
    'Nothing of another stream is replayed, nor of another session.',
    [
      ...eventLog(
        "* > tells nobody of another session's events, nor of another stream's",
        "an event that is not the session's > *",
      ),
      ...lastEventIds('*'),
      ...resumedGet('the GET stream > carries nothing of a call, and a call nothing of it, whatever is resumed'),
    ],
  ),

  line('server', 'MAY', 'session-management', 'session-id', 'The answer to an initialize carries a session id.', [
    ...wireLifecycle('an initialize > is answered with what the server is and can do, and with the id'),
  ]),
  line('server', 'SHOULD', 'session-management', 'session-id-secure', 'Ids are unique in the world and unguessable.', [
    ...options('defaults > an id for each session, unguessable'),
    ...wireLifecycle('session ids > are each given once, and are random: 500 of them differ in nearly every digit'),
  ]),
  line('server', 'MUST', 'session-management', 'session-id-ascii', 'Ids are visible ASCII, 0x21 to 0x7E.', [
    ...wireLifecycle('session ids > that a generator makes with *', 'session ids > of any visible ASCII work: *'),
  ]),
  line(
    'client',
    'MUST',
    'session-management',
    'session-id-guarded',
    'A client guards its id; one that was stolen is nothing to another principal.',
    [
      ...principals('a foreign principal gets exactly what an unknown id gets, byte for byte (*)'),
      ...auth('a stolen session id is worth what an unknown one is, byte for byte (*)'),
    ],
  ),
  line('client', 'MUST', 'session-management', 'session-id-sent', 'Every later request carries the id.', [
    ...requests('the session id > is missing (*): 400 on every method but for an initialize'),
  ]),
  line('server', 'SHOULD', 'session-management', 'session-id-missing', 'Without an id: 400.', [
    ...requests('the session id > is missing (*): 400 on every method but for an initialize'),
  ]),
  line('server', 'MAY', 'session-management', 'session-ends', 'The server may end a session whenever it wants.', [
    ...endings('*: one line in the log, one event, 404'),
  ]),
  line('server', 'MUST', 'session-management', 'session-ended-404', 'The id of an ended session gets 404.', [
    ...endings('*: one line in the log, one event, 404'),
    ...ending(
      '4. A request that arrives between the idle timer firing and the end of the teardown: 404, never 500, never a hang',
    ),
  ]),
  line(
    'client',
    'MUST',
    'session-management',
    'session-anew',
    'After a 404 a client initializes anew, without an id; with the old one it gets 404 again.',
    wireLifecycle('an initialize > after the 404 of an ended session: without its id a new session, with it 404 again'),
  ),
  line(
    'client',
    'SHOULD',
    'session-management',
    'session-deleted',
    'A client that is done sends DELETE; the session of one that does not ends when it was idle for long enough.',
    [
      ...endings('deleted: one line in the log, one event, 404'),
      ...lifecycle(
        'initialize gives an id, the session works, idles, ends when its time is up, and is not found from then on',
      ),
    ],
  ),
  line('server', 'MAY', 'session-management', 'delete-405', 'A server without sessions answers DELETE with 405.', [
    ...stateless('GET and DELETE: 405, with or without an id; an id on a POST is nothing to it'),
  ]),

  line(
    'client',
    'MUST',
    'protocol-version-header',
    'version-sent',
    'Every later request names the version; in one that does not, the negotiated one is meant.',
    [
      ...requests('the protocol version > undefined in the header of a request gets 200, whatever was negotiated'),
      ...bodies('batches > are refused in a session of *'),
    ],
  ),
  line(
    'client',
    'SHOULD',
    'protocol-version-header',
    'version-negotiated',
    'It names the negotiated version; another one that we know is taken, and changes nothing.',
    [
      ...requests('the protocol version > 20* in the header of a request gets 200, whatever was negotiated'),
      ...bodies('batches > are refused in a session of *'),
    ],
  ),
  line(
    'server',
    'SHOULD',
    'protocol-version-header',
    'version-assumed',
    'Where nothing tells the version, it is 2025-03-26.',
    stateless('a request that names no version is taken for one of 2025-03-26, as nothing else says which it is'),
  ),
  line('server', 'MUST', 'protocol-version-header', 'version-unknown', 'A version that is not supported gets 400.', [
    ...requests('the protocol version > * in the header of a request gets 400, whatever was negotiated'),
    ...testsOf('http/refusals')('unsupportedVersion'),
  ]),

  line('both', 'MUST', 'custom-transports', 'custom-preserve', 'Custom transports keep format and lifecycle.', custom),
  line('both', 'SHOULD', 'custom-transports', 'custom-documented', 'Custom transports are documented.', custom),
];
