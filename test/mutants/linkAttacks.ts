/** Attacks on the links between nodes, over the real network: windows, ends at any time, peers that lie. */
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Attack } from './attacks.ts';
import type { LinkExchange, LinkFailure, LinkNetwork, LinkOutgoing, MakeLinkNetwork as Make } from './linkModules.ts';
import { type RawEnd, rawPeer, rawSender, SAID } from './linkPeer.ts';

const LISTEN = { host: '127.0.0.1', port: 0 };
const OK = '{"status":200,"headers":{},"length":2}';

/** What is said before it is taken, in bytes. */
const WINDOW = 128 * 1024;

/** Resolves to whether something came true in time. */
async function comesTrue(is: () => boolean, within = 5_000): Promise<boolean> {
  const until = performance.now() + within;
  while (!is()) {
    if (performance.now() > until) return false;
    await setImmediate();
  }
  return true;
}

/** A request, and what has come of it. */
class Sent implements LinkOutgoing {
  readonly exchange: LinkExchange;
  status: number | undefined;
  size = 0;
  ended = false;
  failure: LinkFailure | undefined;
  readonly #head: string;

  constructor(network: LinkNetwork, url: string, head = 'head') {
    this.#head = head;
    this.exchange = network.send(url, this);
  }

  seal() {
    return { head: this.#head, content: Buffer.from('content'), proof: '' };
  }

  head({ status }: { readonly status: number }): void {
    this.status = status;
  }

  data({ length }: Uint8Array): void {
    this.size += length;
  }

  end(): void {
    this.ended = true;
  }

  failed(failure: LinkFailure): void {
    this.failure = failure;
  }

  get over(): boolean {
    return this.ended || this.failure !== undefined;
  }
}

function attack(name: string, run: (make: Make) => Promise<string | undefined>): Attack {
  return {
    name: `links: ${name}`,
    async run(_, { folder }) {
      const url = pathToFileURL(`${folder}/cluster/linkNetwork.js`).href;
      const { linkNetwork } = (await import(url)) as { linkNetwork: Make };
      return run(linkNetwork);
    },
  };
}

/** One before somebody who says what he likes. */
function before(
  name: string,
  run: (
    make: Make,
    peer: (then: (end: RawEnd, kind: number, id: number) => void) => ReturnType<typeof rawPeer>,
  ) => Promise<string | undefined>,
): Attack {
  return attack(name, async (make) => {
    const peers: { close(): void }[] = [];
    const finding = await run(make, async (then) => {
      const peer = await rawPeer(then);
      peers.push(peer);
      return peer;
    });
    for (const peer of peers) peer.close();
    return finding;
  });
}

const windows = attack('an answer waits for its reader', async (make) => {
  let progress = () => 0;
  const listener = await make().listen(LISTEN, ({ head, reply }) => {
    if (head !== 'long') return reply.respond(200, {});
    progress = () => reply.progress;
    reply.open({});
    reply.write(Buffer.alloc(8 * WINDOW));
    reply.end();
  });
  const network = make();
  const long = new Sent(network, listener.url, 'long');
  long.exchange.pause();
  if (!(await comesTrue(() => progress() >= WINDOW))) return 'it does not begin';
  for (let n = 0; n < 20; n++) {
    const short = new Sent(network, listener.url);
    if (!(await comesTrue(() => short.ended))) return 'others wait for it';
  }
  if (progress() !== WINDOW) return `${progress()} bytes wait for a reader`;
  long.exchange.resume();
  if (!(await comesTrue(() => long.ended, 2_000))) return 'it does not go on when its reader does';
  network.close();
  await listener.close();
  return long.size === 8 * WINDOW ? undefined : `${long.size} bytes came`;
});

/** Says that it wants a content. */
const wanting = (end: RawEnd, kind: number, id: number) => {
  if (kind === SAID.request) end.say([SAID.wanted, id]);
};

const answering = (end: RawEnd, id: number) => end.say([SAID.answer, id, OK], [SAID.data, id, 'ok'], [SAID.end, id]);

/** Has a link be there before, on which the next request is sent by its head alone. */
async function linked(network: LinkNetwork, url: string): Promise<boolean> {
  const first = new Sent(network, url);
  if (!(await comesTrue(() => first.ended))) return false;
  const since = performance.now();
  return comesTrue(() => performance.now() - since > 80);
}

const deliveredOnce = before('what was delivered is not sent again', async (make, peer) => {
  let contents = 0;
  const { url, close } = await peer((end, kind, id) => {
    wanting(end, kind, id);
    if (kind !== SAID.end) return;
    if (++contents === 2) end.socket.terminate();
    else answering(end, id);
  });
  const network = make();
  if (!(await linked(network, url))) return 'the first one is not answered';
  const second = new Sent(network, url);
  if (!(await comesTrue(() => second.over))) return 'it waits for ever';
  close();
  return second.failure?.delivered === true && contents === 2 ? undefined : `it was sent ${contents - 1} times`;
});

const answeredOnce = before('what was being answered is not sent again', async (make, peer) => {
  let requests = 0;
  const { url } = await peer((end, kind, id) => {
    if (kind !== SAID.request) return;
    if (++requests !== 2) return answering(end, id);
    end.say([SAID.answer, id, OK]);
    end.socket.close();
  });
  const network = make();
  if (!(await linked(network, url))) return 'the first one is not answered';
  const second = new Sent(network, url);
  if (!(await comesTrue(() => second.over))) return 'it waits for ever';
  return requests === 2 ? undefined : 'it was';
});

const undelivered = before('what was not delivered is sent again', async (make, peer) => {
  let requests = 0;
  const { url } = await peer((end, kind, id) => {
    if (kind !== SAID.request) return;
    if (++requests === 2) end.socket.terminate();
    else answering(end, id);
  });
  const network = make();
  if (!(await linked(network, url))) return 'the first one is not answered';
  const second = new Sent(network, url);
  if (!(await comesTrue(() => second.over))) return 'it waits for ever';
  return second.ended ? undefined : `it was given up: ${second.failure?.reason}`;
});

const closing = attack('a listener closes without cutting its links', async (make) => {
  const listener = await make().listen(LISTEN, ({ reply }) => reply.respond(200, {}));
  const first = new Sent(make(), listener.url);
  if (!(await comesTrue(() => first.ended))) return 'it does not answer';
  let closed = false;
  void listener.close().then(() => {
    closed = true;
  });
  return (await comesTrue(() => closed, 3_000)) ? undefined : 'its peers do not close theirs';
});

const silence = before('a peer that says nothing is noticed', async (make, peer) => {
  const { url } = await peer(wanting);
  const sent = new Sent(make({ silenceTimeout: 1_000 }), url);
  if (!(await comesTrue(() => sent.over))) return 'it is not';
  return sent.failure?.reason === 'timeout' ? undefined : `it is ${sent.failure?.reason}`;
});

const reset = attack('an owner is told that nothing is wanted any more', async (make) => {
  let closed: (() => boolean) | undefined;
  const listener = await make().listen(LISTEN, ({ reply }) => {
    closed = () => reply.closed;
  });
  const network = make();
  const sent = new Sent(network, listener.url);
  if (!(await comesTrue(() => closed !== undefined))) return 'nothing comes';
  sent.exchange.destroy();
  return (await comesTrue(() => closed?.() === true, 2_000)) ? undefined : 'it is not';
});

const notAnswers = before('what is no answer is not believed', async (make, peer) => {
  const said: Record<string, (end: RawEnd, id: number) => void> = {
    'an end': (end, id) => end.say([SAID.end, id]),
    'less than it says': (end, id) => end.say([SAID.answer, id, OK], [SAID.data, id, 'o'], [SAID.end, id]),
    'two lines': (end, id) =>
      end.say([SAID.answer, id, '{"status":200,"headers":{"A":"a\\r\\nB: b"}}'], [SAID.end, id]),
  };
  for (const [what, say] of Object.entries(said)) {
    const { url } = await peer((end, kind, id) => {
      if (kind === SAID.request) say(end, id);
    });
    const sent = new Sent(make(), url);
    if (!(await comesTrue(() => sent.over))) return `waits for ever after ${what}`;
    if (sent.ended) return `${what} is`;
  }
  return undefined;
});

const bounded = attack('requests at a peer are bounded', async (make) => {
  const listener = await make().listen(LISTEN, () => {});
  const network = make({ maxRequestsPerPeer: 1 });
  new Sent(network, listener.url);
  const second = new Sent(network, listener.url);
  return (await comesTrue(() => second.failure?.reason === 'full', 1_000)) ? undefined : 'they are not';
});

const many = attack('what is said at once is more than one message', async (make) => {
  const listener = await make().listen(LISTEN, ({ reply }) => reply.respond(200, {}));
  const network = make({ acceptTimeout: 20_000 });
  const all = Array.from({ length: 3_000 }, () => new Sent(network, listener.url, 'x'.repeat(500)));
  if (!(await comesTrue(() => all.every(({ over }) => over), 20_000))) return 'not all are answered';
  return all.every(({ ended }) => ended) ? undefined : 'it is one that is too long';
});

const contents = attack('a content is complete, or none', async (make) => {
  const given: unknown[] = [];
  const listener = await make().listen(LISTEN, (incoming) => {
    incoming.read({ size: 7 }, (content) => {
      given.push(content);
      incoming.reply.respond(200, {});
    });
  });
  const end = await rawSender(listener.url);
  end.say([SAID.request, 1, 'head'], [SAID.content, 1, 'conten'], [SAID.end, 1]);
  end.say([SAID.request, 2, 'head']);
  if (!(await comesTrue(() => end.has(SAID.wanted, 2)))) return 'it is not wanted';
  end.say([SAID.content, 2, 'conten'], [SAID.end, 2]);
  if (!(await comesTrue(() => given.length === 2))) return 'it is waited for in vain';
  end.socket.terminate();
  return given.every((content) => content === 'aborted') ? undefined : 'a part of it is handed on';
});

const givenUp = attack('a content that is given up costs nobody else', async (make) => {
  const full = { share: () => ({ take: () => false, release: () => {} }) };
  const listener = await make().listen(LISTEN, (incoming) => {
    incoming.read({ size: 7, budget: full }, () => incoming.reply.respond(503, {}));
  });
  const end = await rawSender(listener.url);
  end.say([SAID.request, 1, 'head']);
  end.say([SAID.content, 1, 'cont']);
  end.say([SAID.content, 1, 'ent'], [SAID.end, 1]);
  let closed = false;
  end.socket.on('close', () => {
    closed = true;
  });
  await comesTrue(() => closed || end.has(SAID.end, 1));
  end.socket.terminate();
  return closed ? 'its link is cut' : undefined;
});

const strangers = attack('who has not the secret does not stay', async (make) => {
  const listener = await make().listen(LISTEN, ({ reply }) => {
    reply.setHeader('Connection', 'close');
    reply.respond(403, {});
  });
  const end = await rawSender(listener.url);
  let closed = false;
  end.socket.on('close', () => {
    closed = true;
  });
  end.say([SAID.request, 1, 'head']);
  return (await comesTrue(() => closed, 2_000)) ? undefined : 'he does';
});

const left = attack('who has left is not served', async (make) => {
  const served: string[] = [];
  const listener = await make().listen(LISTEN, ({ head, reply }) => {
    served.push(head);
    reply.respond(200, {});
  });
  const end = await rawSender(listener.url);
  end.say([SAID.request, 1, 'left'], [SAID.reset, 1], [SAID.request, 2, 'stays']);
  if (!(await comesTrue(() => end.has(SAID.end, 2)))) return 'nobody is';
  end.socket.terminate();
  return served.includes('left') ? 'he is' : undefined;
});

export const LINK_ATTACKS: readonly Attack[] = [
  windows,
  deliveredOnce,
  answeredOnce,
  undelivered,
  reset,
  notAnswers,
  bounded,
  contents,
  givenUp,
  left,
  strangers,
  closing,
  many,
  silence,
];
