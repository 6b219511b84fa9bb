/** The page on transports, first half: messages, the endpoint, its dangers, and POST. */
import { linesOf, type Requirement, shown, testsOf } from './requirement.ts';

const line = linesOf('transports');
const {
  auth,
  bodies,
  headers,
  resumedCalls,
  ending,
  eventStore,
  listening,
  principals,
  requests,
  routing,
  serving,
  wireStreams,
} = shown;
const RETRY = 'a connection that the server closes says by retry when to come back (retryInterval: *)';
const stdio = { notOurs: 'This package serves Streamable HTTP; nothing of it speaks stdio.' };

export const MESSAGES: readonly Requirement[] = [
  line('both', 'MUST', '', 'utf-8', 'Messages are encoded as UTF-8.', [
    ...wireStreams('messages are UTF-8, both ways (enableJsonResponse: *)'),
    ...bodies('not JSON, or not UTF-8 > broken UTF-8: 400 with -32700'),
  ]),
  line('client', 'SHOULD', '', 'stdio', 'A client speaks stdio wherever it can.', stdio),

  line('both', 'MUST NOT', 'stdio', 'stdio-newlines', 'No newline within a message on stdio.', stdio),
  line('client', 'SHOULD NOT', 'stdio', 'stdio-stderr', 'What comes on stderr is not taken for an error.', stdio),
  line('server', 'MUST NOT', 'stdio', 'stdio-stdout', 'Nothing but messages goes to stdout.', stdio),
  line('client', 'MUST NOT', 'stdio', 'stdio-stdin', 'Nothing but messages goes to stdin.', stdio),

  line('server', 'MUST', 'streamable-http', 'one-endpoint', 'One path takes both POST and GET.', [
    ...wireStreams('a client may have many streams open at once'),
    ...listening('who may ask, and where > at its path only; elsewhere it says where'),
  ]),

  line('server', 'MUST', 'security-warning', 'origin-checked', 'The Origin of every request is validated.', [
    ...requests('Host and Origin > Origin *'),
    ...headers('a foreign Origin > *'),
    ...listening(
      'who may ask, and where > on loopback only by a loopback name, and from a loopback origin of its own port',
    ),
  ]),
  line('server', 'MUST', 'security-warning', 'origin-403', 'An Origin that is there and not allowed gets 403.', [
    ...requests('Host and Origin > Origin * gets 403'),
    ...testsOf('http/refusals')('originNotAllowed'),
  ]),
  line('server', 'MAY', 'security-warning', 'origin-body', 'The 403 says why, as a JSON-RPC error without an id.', [
    ...testsOf('http/refusals')('originNotAllowed'),
  ]),
  line('server', 'SHOULD', 'security-warning', 'loopback', 'A local server listens on the loopback address only.', [
    ...serving('the output > says where it listens, what, the idle timeout and how to stop'),
    ...testsOf('cli/program')(
      'flags > none at all: the defaults of the command, everything else left to the supervisor',
    ),
    ...testsOf('cli/binding')('who may ask > * is not where it is bound as *: a warning'),
  ]),
  line(
    'server',
    'SHOULD',
    'security-warning',
    'authentication',
    'Connections are authenticated: by the host before us, whose authInfo every request is held against.',
    [
      ...testsOf('http/express')(
        'behind *, req.auth reaches the tool that the request calls',
        'a session answers nobody but the user that opened it',
      ),
      ...principals('by default the principal comes from authInfo > *'),
      ...auth('*: the middleware answers 40*, and no session is opened or touched'),
    ],
  ),

  line('client', 'MUST', 'sending-messages-to-the-server', 'post-each', 'Each message is a POST of its own.', [
    ...bodies(
      'not JSON, or not UTF-8 > two messages: 400 with -32700',
      'batches > are refused in a session of 2025-11-25',
    ),
  ]),
  line('client', 'MUST', 'sending-messages-to-the-server', 'post-only', 'Messages are sent by POST.', [
    ...requests('methods > *: 405, naming what there is'),
  ]),
  line('client', 'MUST', 'sending-messages-to-the-server', 'post-accept', 'A POST accepts JSON and event streams.', [
    ...requests('Accept > of a POST: *'),
  ]),
  line('client', 'MUST', 'sending-messages-to-the-server', 'post-body', 'The body of a POST is one message.', [
    ...bodies('not JSON, or not UTF-8 > *', 'not JSON-RPC 2.0 > *', 'batches > are refused in a session of *'),
  ]),
  line(
    'server',
    'MUST',
    'sending-messages-to-the-server',
    'accepted-202',
    'A response or notification that is taken gets 202 and no body.',
    bodies('notifications and responses get 202 without a body'),
  ),
  line(
    'server',
    'MUST',
    'sending-messages-to-the-server',
    'refused-4xx',
    'A response or notification that is not taken gets an HTTP error.',
    [
      ...ending(
        "3. The session ends while a POST is still sending its body > 'a notification': 404, and the ended session is not heard of again",
      ),
      ...bodies('not JSON-RPC 2.0 > a result without an id: 400 with -32600'),
    ],
  ),
  line(
    'server',
    'MUST',
    'sending-messages-to-the-server',
    'request-types',
    'A request is answered as an event stream or as one JSON object.',
    wireStreams('a request is answered with 200 and one of the two types (enableJsonResponse: *)'),
  ),
  line(
    'client',
    'MUST',
    'sending-messages-to-the-server',
    'both-types',
    'A client understands both kinds of answer; one that says it does not is refused.',
    requests('Accept > of a POST: application/json gets 406', 'Accept > of a POST: text/event-stream gets 406'),
  ),
  line(
    'server',
    'SHOULD',
    'sending-messages-to-the-server',
    'priming',
    'A stream begins at once with an event that has an id and no data. With an event store, to those who know of it.',
    eventStore('priming > *'),
  ),
  line(
    'server',
    'MAY',
    'sending-messages-to-the-server',
    'server-disconnects',
    'Once an event id is out, the server may close the connection and keep the stream.',
    resumedCalls('a stream that its handler closes > *'),
  ),
  line(
    'client',
    'SHOULD',
    'sending-messages-to-the-server',
    'polling',
    'A client comes back to a stream that was closed; where it does not, its call holds the session for resumeTimeout.',
    eventStore('a connection that breaks during a call > after resumeTimeout it holds its session no longer'),
  ),
  line(
    'server',
    'SHOULD',
    'sending-messages-to-the-server',
    'retry',
    'Before the server closes a connection whose stream goes on, it says by `retry` when to come back.',
    wireStreams(RETRY),
  ),
  line(
    'client',
    'MUST',
    'sending-messages-to-the-server',
    'retry-respected',
    'A client waits as long as `retry` says; one that comes back at once is served all the same.',
    wireStreams(RETRY),
  ),
  line(
    'server',
    'SHOULD',
    'sending-messages-to-the-server',
    'response-on-stream',
    'In the end the stream carries the response, an error if the session ends first.',
    [
      ...wireStreams('the stream of a request ends after the response, and ends well'),
      ...ending(
        "2. DELETE while a call runs: the call's client gets an answer (a JSON-RPC error), not an empty body > *",
      ),
    ],
  ),
  line(
    'server',
    'MAY',
    'sending-messages-to-the-server',
    'messages-before-response',
    'Requests and notifications may come before the response.',
    routing(
      'notifications of concurrent calls each stay on their stream, before the answer',
      'a request of the server > * of a call travels on its stream, and the answer finds the way back',
    ),
  ),
  line(
    'server',
    'SHOULD',
    'sending-messages-to-the-server',
    'related-messages',
    'Those have to do with the request whose stream it is.',
    routing(
      'notifications of concurrent calls each stay on their stream, before the answer',
      'notifications by themselves travel on the GET stream; without one they are lost, and nothing fails',
    ),
  ),
  line(
    'server',
    'MAY',
    'sending-messages-to-the-server',
    'session-ends-stream',
    'Streams may end with their session.',
    ending(
      "2. DELETE while a call runs: the call's client gets an answer (a JSON-RPC error), not an empty body > 'as a stream'; the handler's abort signal fires",
    ),
  ),
  line(
    'server',
    'SHOULD',
    'sending-messages-to-the-server',
    'stream-ends',
    'After the response the stream ends.',
    wireStreams('the stream of a request ends after the response, and ends well'),
  ),
  line(
    'server',
    'SHOULD NOT',
    'sending-messages-to-the-server',
    'disconnect-no-cancel',
    'A disconnect is not taken for a cancellation. Not so when stateless: there a call has nothing but its connection.',
    [
      ...wireStreams('a disconnect cancels nothing: the call runs on, until its session ends'),
      ...testsOf('http/modes/jsonResponse')('a call whose client is gone runs on, holds nothing, and hurts nobody'),
      ...testsOf('http/hono')('a call whose client disconnected runs on and holds nothing'),
    ],
  ),
  line(
    'client',
    'SHOULD',
    'sending-messages-to-the-server',
    'cancel',
    'To cancel, a client says so by notifications/cancelled; a call of one that only leaves ends with its session.',
    wireStreams(
      'notifications/cancelled cancels: the handler is told, and the stream ends without a response',
      'a disconnect cancels nothing: the call runs on, until its session ends',
    ),
  ),
  line(
    'server',
    'MAY',
    'sending-messages-to-the-server',
    'resumable',
    'A stream may be one that can be resumed.',
    resumedCalls('a line that breaks > *'),
  ),
];
