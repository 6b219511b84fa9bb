/** The clients of a simulated cluster: what they send to any node, how it gets there, and what comes back. */
import type { Asked, Known, Said, What } from './known.ts';
import { PRINCIPALS, type SimulatedNode } from './simulatedNode.ts';
import { short } from './simulatedRecords.ts';
import { delayOf, type Numbers } from './ways.ts';
import type { WorldTime } from './worldTime.ts';

/** Who looks at what comes back. */
export interface ClientsWorld {
  readonly time: WorldTime;
  readonly numbers: Numbers;
  note(line: string): void;
  break(what: string): void;
  /** Something leaves a node, in answer to a request. */
  leaves(process: SimulatedNode['process'], text: string): void;
  status(asked: Asked, status: number, sessionId: string | null): void;
  said(asked: Asked, message: Said): void;
  over(asked: Asked): void;
}

const VERSION = '2025-11-25';

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'simulated', version: '1' } },
};

const METHODS: Readonly<Record<What, string>> = {
  initialize: 'POST',
  add: 'POST',
  'add slowly': 'POST',
  read: 'POST',
  tell: 'POST',
  listen: 'GET',
  resume: 'GET',
  delete: 'DELETE',
};

export class ClusterClients {
  readonly open = new Set<Asked>();
  readonly #world: ClientsWorld;
  #count = 0;
  /** When what was sent last on the way back of a request gets there. */
  readonly #back = new WeakMap<Asked, number>();

  constructor(world: ClientsWorld) {
    this.#world = world;
  }

  send(node: SimulatedNode, client: number, what: What, known?: Known, resumes?: Asked): Asked {
    const { time } = this.#world;
    const asked: Asked = {
      name: `#${++this.#count}`,
      what,
      client,
      known,
      node,
      begun: time.now,
      acknowledged: known?.acknowledged ?? 0,
      epoch: known?.epoch ?? 0,
      ended: known?.ended ?? false,
      stop: new AbortController(),
      open: true,
      status: undefined,
      left: false,
      answered: false,
      lastEventId: undefined,
      resumes,
    };
    this.open.add(asked);
    const about = known === undefined ? '' : ` in ${short(known.id)}`;
    this.#world.note(`${asked.name} ${what}${about} by client ${client} at ${node.name}`);
    time.after(delayOf(this.#world.numbers, false), () => node.process.deliver(() => this.#reach(asked)));
    return asked;
  }

  /** Its client goes. */
  hangUp(asked: Asked): void {
    if (!asked.open) return;
    this.#world.note(`${asked.name} is hung up`);
    asked.left = true;
    this.#end(asked);
    asked.node.process.deliver(() => asked.stop.abort());
  }

  /** The process is gone, and with it every connection to it. */
  killed(node: SimulatedNode): void {
    for (const asked of [...this.open]) if (asked.node === node) this.#end(asked);
  }

  #reach(asked: Asked): void {
    if (asked.left) return;
    const { node } = asked;
    if (node.drained) return this.#comesBack(asked, () => this.#end(asked)); // nobody listens any more
    void node.supervisor.fetch(requestOf(asked)).then(
      (response) => this.#read(asked, response),
      (error: unknown) => this.#world.break(`${asked.name}: fetch rejects: ${String(error)}`),
    );
  }

  async #read(asked: Asked, response: Response): Promise<void> {
    const { process } = asked.node;
    const { status, headers, body } = response;
    const parser = new AnswerParser(headers.get('content-type') ?? '', asked, (message) =>
      this.#world.said(asked, message),
    );
    this.#comesBack(asked, () => this.#world.status(asked, status, headers.get('mcp-session-id')));
    try {
      const reader = body?.getReader();
      for (let chunk = await reader?.read(); chunk?.value !== undefined; chunk = await reader?.read()) {
        const text = Buffer.from(chunk.value).toString();
        if (!asked.left) this.#world.leaves(process, text);
        this.#comesBack(asked, () => parser.take(text));
      }
    } catch {
      return this.#comesBack(asked, () => this.#end(asked));
    }
    this.#comesBack(asked, () => {
      parser.end();
      this.#end(asked);
    });
  }

  /** Has something come back, in order. */
  #comesBack(asked: Asked, run: () => void): void {
    const { time, numbers } = this.#world;
    if (asked.node.process.dead) return;
    const at = Math.max(this.#back.get(asked) ?? 0, time.now + delayOf(numbers, false));
    this.#back.set(asked, at);
    time.after(at - time.now, () => {
      if (asked.open) run();
    });
  }

  #end(asked: Asked): void {
    asked.open = false;
    this.open.delete(asked);
    this.#world.over(asked);
  }
}

function requestOf({ what, client, known, name, stop, resumes }: Asked): Request {
  const method = METHODS[what];
  const principal = PRINCIPALS[client];
  const headers = {
    accept: 'application/json, text/event-stream',
    ...(method === 'POST' && { 'content-type': 'application/json' }),
    ...(known !== undefined && { 'mcp-session-id': known.id, 'mcp-protocol-version': VERSION }),
    ...(principal !== undefined && { 'x-principal': principal }),
    ...(resumes?.lastEventId !== undefined && { 'last-event-id': resumes.lastEventId }),
  };
  const message = what === 'initialize' ? INITIALIZE : { jsonrpc: '2.0', id: name, method: what };
  const body = method === 'POST' ? { body: JSON.stringify(message) } : {};
  return new Request('http://localhost/mcp', { method, headers, signal: stop.signal, ...body });
}

/** Makes messages of the text of an answer, and remembers the last event. */
class AnswerParser {
  readonly #isStream: boolean;
  readonly #asked: Asked;
  readonly #said: (message: Said) => void;
  #text = '';

  constructor(type: string, asked: Asked, said: (message: Said) => void) {
    this.#isStream = type.startsWith('text/event-stream');
    this.#asked = asked;
    this.#said = said;
  }

  take(text: string): void {
    this.#text += text;
    if (!this.#isStream) return;
    const events = this.#text.split('\n\n');
    this.#text = events.pop() ?? '';
    for (const event of events) this.#event(event);
  }

  end(): void {
    if (!this.#isStream && this.#text.startsWith('{')) this.#said(JSON.parse(this.#text) as Said);
  }

  #event(event: string): void {
    let data = '';
    for (const line of event.split('\n')) {
      if (line.startsWith('id: ')) this.#asked.lastEventId = line.slice(4);
      if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (data !== '') this.#said(JSON.parse(data) as Said);
  }
}
