/** `fetch` over HTTP/2 without TLS, which the fetch of Node does not speak: one connection a request. */
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { Readable } from 'node:stream';

/** The statuses that a Response may not have a body with. */
const BODILESS = new Set([204, 205, 304]);

export async function http2Send(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const request = new Request(url, init);
  const { origin, pathname, search } = new URL(request.url);
  const session = connect(origin);
  const headers = { ...Object.fromEntries(request.headers), ':method': request.method, ':path': pathname + search };
  const stream = session.request(headers, { endStream: request.body === null });
  return new Promise((resolve, reject) => {
    const leave = () => {
      const why = new DOMException('The client left', 'AbortError');
      stream.destroy(why);
      reject(why);
    };
    session.on('error', reject);
    stream.on('error', reject);
    stream.on('close', () => session.close());
    request.signal.addEventListener('abort', leave, { once: true });
    if (request.body !== null) {
      Readable.fromWeb(request.body).on('error', reject).pipe(stream);
    }
    stream.on('response', (head) => {
      const { ':status': status = 0 } = head;
      const body = BODILESS.has(status) ? null : (Readable.toWeb(stream) as ReadableStream<Uint8Array>);
      if (body === null) stream.resume();
      resolve(new Response(body, { status, headers: plain(head) }));
    });
  });
}

/** Without those that HTTP/2 puts there in place of a first line. */
function plain(head: IncomingHttpHeaders & IncomingHttpStatusHeader): [string, string][] {
  return Object.entries(head)
    .filter(([name]) => !name.startsWith(':'))
    .flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, String(one)]));
}
