/** Takes a connection's bytes apart into the responses that they are, strictly: whatever does not fit is told. */

export interface FuzzResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Its end has come. */
  readonly complete: boolean;
}

export interface Parsed {
  /** Final responses, in order; `100 Continue` is not among them. */
  readonly responses: readonly FuzzResponse[];
  /** What is no HTTP in it, if something is. */
  readonly problem: string | undefined;
}

/** `methods` are those of the requests, in order: a response to HEAD has no body. `ended`: nothing more will come. */
export function parseResponses(text: string, methods: readonly string[], ended: boolean): Parsed {
  const responses: FuzzResponse[] = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return { responses, problem: ended ? `half a head: ${JSON.stringify(rest)}` : undefined };
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) return { responses, problem: `no status line: ${JSON.stringify(statusLine)}` };
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): ?([\t -~]*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        return { responses, problem: `no header: ${JSON.stringify(line)}` };
      headers.set(name.toLowerCase(), value);
    }
    rest = rest.slice(end + 4);
    if (status === 100) continue;
    const { body, left, complete } = bodyOf(rest, headers, status, methods[responses.length], ended);
    responses.push({ status, headers, body, complete });
    if (!complete) return { responses, problem: undefined };
    rest = left;
  }
  return { responses, problem: undefined };
}

interface Body {
  readonly body: string;
  readonly left: string;
  readonly complete: boolean;
}

function bodyOf(
  text: string,
  headers: ReadonlyMap<string, string>,
  status: number,
  method: string | undefined,
  ended: boolean,
): Body {
  if (status === 204 || method === 'HEAD') return { body: '', left: text, complete: true };
  const length = headers.get('content-length');
  if (length !== undefined) {
    const complete = text.length >= Number(length);
    return { body: text.slice(0, Number(length)), left: text.slice(Number(length)), complete };
  }
  if (headers.get('transfer-encoding') !== 'chunked') return { body: text, left: '', complete: ended };
  let body = '';
  let rest = text;
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, Math.max(line, 0)), 16);
    if (line === -1 || rest.length < line + size + 4) return { body, left: '', complete: false };
    body += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + size + 4);
    if (size === 0) return { body, left: rest, complete: true };
  }
}
