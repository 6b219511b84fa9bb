/** The page on the lifecycle. Much of it is the embedder's server; what we owe is that it comes through unharmed. */
import { linesOf, type Requirement, shown, testsOf } from './requirement.ts';

const line = linesOf('lifecycle');
const { bodies, endings, lifecycle, lifetime, requests, wireLifecycle } = shown;
const opening = testsOf('http/races/opening');
const FIRST = '9. A first request that is refused: no session, no id, no slot taken';
const NEVER =
  '10. initialize whose factory or answer never comes: initializeTimeout ends it, answers 504 and frees its slot';
const BROKEN =
  '12. A server factory that throws, or returns a broken server: the client gets an error, the supervisor goes on';
const TIMEOUT =
  'a request to the client that is not answered within its timeout (* ms) is cancelled, and the call goes on';
const stdio = { notOurs: 'This package serves Streamable HTTP; nothing of it speaks stdio.' };

export const LIFECYCLE: readonly Requirement[] = [
  line('both', 'MUST', 'initialization', 'initialize-first', 'Nothing comes before the initialize.', [
    ...opening(`${FIRST} > 'a request before the initialize': 400`, `${FIRST} > 'GET': 400`),
    ...requests('the session id > is missing (*): 400 on every method but for an initialize'),
  ]),
  line(
    'client',
    'MUST',
    'initialization',
    'initialize-complete',
    'The client begins, and says its version, its capabilities and who it is; an initialize without them gets 400.',
    requests('initialize > *: 400, and no session'),
  ),
  line('server', 'MUST', 'initialization', 'initialize-answered', 'The server says what it is and what it can do.', [
    ...wireLifecycle('an initialize > is answered with what the server is and can do, and with the id'),
  ]),
  line(
    'client',
    'MUST',
    'initialization',
    'initialized',
    'Then the client sends notifications/initialized; one that does not is served, and its session idles.',
    wireLifecycle(
      'an initialize > without notifications/initialized after it: nothing is asked of the client, it is served, and idles',
    ),
  ),
  line(
    'client',
    'SHOULD NOT',
    'initialization',
    'no-early-requests',
    'Before the initialize is answered a client sends no requests; those it does find no session.',
    requests('the session id > is not given away by a session that is being initialized'),
  ),
  line(
    'server',
    'SHOULD NOT',
    'initialization',
    'no-early-server-requests',
    'Before notifications/initialized the server asks nothing of the client; of our own accord we never do.',
    wireLifecycle(
      'an initialize > without notifications/initialized after it: nothing is asked of the client, it is served, and idles',
    ),
  ),

  line('client', 'MUST', 'version-negotiation', 'version-offered', 'The client offers a version that it supports.', [
    ...requests(
      'the protocol version > not a version in the body of an initialize is answered by 2025-11-25',
      'initialize > without a version: 400, and no session',
    ),
  ]),
  line(
    'client',
    'SHOULD',
    'version-negotiation',
    'version-latest-offered',
    'It offers the latest; older ones are fine.',
    [...requests('the protocol version > 202* in the body of an initialize is answered by 202*')],
  ),
  line('server', 'MUST', 'version-negotiation', 'version-same', 'A version that is supported is answered by itself.', [
    ...requests(
      'the protocol version > 2025-11-25 in the body of an initialize is answered by 2025-11-25',
      'the protocol version > 2025-06-18 in the body of an initialize is answered by 2025-06-18',
      'the protocol version > 2025-03-26 in the body of an initialize is answered by 2025-03-26',
      'the protocol version > 2024-11-05 in the body of an initialize is answered by 2024-11-05',
    ),
  ]),
  line('server', 'MUST', 'version-negotiation', 'version-other', 'Any other is answered by one that is supported.', [
    ...requests('the protocol version > 1999-12-31 in the body of an initialize is answered by 2025-11-25'),
  ]),
  line('server', 'SHOULD', 'version-negotiation', 'version-latest', 'That one is the latest.', [
    ...requests('the protocol version > 1999-12-31 in the body of an initialize is answered by 2025-11-25'),
  ]),
  line(
    'client',
    'SHOULD',
    'version-negotiation',
    'version-refused',
    'A client that can not speak the answered version leaves: by DELETE, else its session ends by idleness.',
    [
      ...endings('deleted: one line in the log, one event, 404'),
      ...endings('idle: one line in the log, one event, 404'),
    ],
  ),
  line('client', 'MUST', 'version-negotiation', 'version-header', 'Later requests name the version in their header.', [
    ...requests('the protocol version > undefined in the header of a request gets 200, whatever was negotiated'),
  ]),

  line('both', 'MUST', 'operation', 'version-kept', 'Both sides keep to the negotiated version.', [
    ...bodies('batches > are refused in a session of *', 'batches > in a session of 2025-03-26: *'),
    ...shown.eventStore('priming > a client of *, which would not understand it, gets none'),
  ]),
  line('both', 'MUST', 'operation', 'capabilities-kept', 'Both sides use what was negotiated, and nothing else.', [
    ...wireLifecycle(
      'what was not negotiated is not used > *',
      'an initialize > tells the server what the client is and can do',
    ),
  ]),

  line('client', 'SHOULD', 'stdio', 'stdio-shutdown', 'On stdio the client closes stdin, and waits.', stdio),

  line(
    'both',
    'SHOULD',
    'timeouts',
    'timeouts',
    'Every request has a timeout: those to the client as the server sets them, and what we wait for ourselves.',
    [
      ...wireLifecycle(TIMEOUT),
      ...opening(`${NEVER} > the * never comes`),
      ...bodies('slow > slower than requestBodyTimeout: 408, and the session lives on'),
    ],
  ),
  line('both', 'SHOULD', 'timeouts', 'timeout-cancels', 'One that is over is cancelled, and not waited for.', [
    ...wireLifecycle(TIMEOUT),
  ]),
  line('both', 'SHOULD', 'timeouts', 'timeout-per-request', 'The timeout can be set for each request.', [
    ...wireLifecycle(TIMEOUT),
  ]),
  line(
    'both',
    'SHOULD',
    'timeouts',
    'timeout-maximum',
    'There is a maximum that no progress moves: for an initialize, a body, and a session.',
    [
      ...testsOf('machines/sessionTime')(
        'time > a REQUEST does not prolong the initialize',
        'time > nothing that happens starts the lifetime anew',
      ),
      ...bodies('slow > slower than requestBodyTimeout: 408, and the session lives on'),
      ...lifetime('a session ends at its age, however busy it was, and only then'),
    ],
  ),

  line('both', 'SHOULD', 'error-handling', 'version-mismatch', 'A version that does not fit is dealt with.', [
    ...requests('the protocol version > * in the header of a request gets 400, whatever was negotiated'),
    ...requests('the protocol version > 1999-12-31 in the body of an initialize is answered by 2025-11-25'),
  ]),
  line('both', 'SHOULD', 'error-handling', 'negotiation-failed', 'A negotiation that fails is dealt with.', [
    ...opening(`${BROKEN} > a server that answers the initialize with an error: *`),
    ...wireLifecycle('what was not negotiated is not used > *'),
  ]),
  line('both', 'SHOULD', 'error-handling', 'timed-out', 'A timeout is dealt with.', [
    ...opening(`${NEVER} > the answer never comes`, `${NEVER} > an answer that comes after the 504 is dropped, *`),
    ...wireLifecycle(TIMEOUT),
    ...lifecycle('without an idle timeout a session stays'),
  ]),
];
