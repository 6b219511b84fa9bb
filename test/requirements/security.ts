/** The page on security: what it asks of sessions. The rest of it (OAuth proxies, clients' set-up) is not about them. */
import { linesOf, type Requirement, shown } from './requirement.ts';

const line = linesOf('security_best_practices');
const { auth, options, principals, listening, serving, wireLifecycle } = shown;

export const SECURITY: readonly Requirement[] = [
  line(
    'server',
    'MUST',
    'session-hijacking',
    'every-request-verified',
    'Where there is authorization, every request is held against it.',
    [
      ...principals(
        'the principal option > is asked about every request, with its headers by lower-case name and its authInfo',
        'the principal option > that * lets nobody in: 403, and a line in the log',
      ),
      ...auth('*: the middleware answers 40*, and no session is opened or touched'),
    ],
  ),
  line(
    'server',
    'MUST NOT',
    'session-hijacking',
    'session-no-authentication',
    'A session id proves nothing: whoever has it is nobody but who else they can show to be.',
    [
      ...principals('a foreign principal changes nothing: not the call, not the stream, not the idle time'),
      ...auth(
        'a stolen session id is worth what an unknown one is, byte for byte (*)',
        'an SDK client with a stolen session id gets nothing of it',
      ),
    ],
  ),
  line('server', 'MUST', 'session-hijacking', 'ids-random', 'Session ids are secure and can not be foretold.', [
    ...options('defaults > an id for each session, unguessable'),
    ...wireLifecycle('session ids > are each given once, and are random: 500 of them differ in nearly every digit'),
  ]),
  line('server', 'SHOULD', 'session-hijacking', 'ids-from-csprng', 'They come from a secure source of randomness.', [
    ...options('defaults > an id for each session, unguessable'),
  ]),
  line('server', 'SHOULD', 'session-hijacking', 'ids-bound', 'A session is bound to its user, not to its id alone.', [
    ...principals(
      'a foreign principal gets exactly what an unknown id gets, byte for byte (*)',
      'nobody is a principal of its own: somebody gets no further than nobody',
      'by default the principal comes from authInfo > *',
    ),
  ]),
  line(
    'server',
    'SHOULD',
    'local-mcp-server-compromise',
    'local-access',
    'A local server is not for every process and page to use: our command listens on loopback, and checks who asks.',
    [
      ...serving('the output > says where it listens, what, the idle timeout and how to stop'),
      ...listening(
        'who may ask, and where > on loopback only by a loopback name, and from a loopback origin of its own port',
      ),
      ...principals('the principal option > that * lets nobody in: 403, and a line in the log'),
    ],
  ),
];
