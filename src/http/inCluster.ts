/**
 * The way of a request in a cluster: its session lives here, or it is answered by the node where it does, or nobody has it
 * and it is brought back here. What was not delivered is sent on, held and tried again, for as long as a request is held.
 */
import { nextTurn } from '../clock.ts';
import type { RefusalName } from '../errors.ts';
import { atMost } from '../supervisor/atMost.ts';
import type { ClusterNode, ForwardedRequest } from '../supervisor/clusterNode.ts';
import type { Session } from '../supervisor/session.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { finishesCalls } from './classify.ts';
import { firstId, inSession } from './inSession.ts';
import { contradicts } from './modern.ts';
import { type ReadMessages, readMessages } from './readMessages.ts';

/** A request that names a session. */
interface Asked {
  readonly exchange: Exchange;
  readonly principal: string | undefined;
  readonly id: string;
  /** Where another node has sent it here. */
  readonly forwarded: ForwardedRequest | undefined;
}

/** Why a session was not brought back that somebody else has, or may have by now. */
const ELSEWHERE: ReadonlySet<RefusalName> = new Set<RefusalName>(['sessionElsewhere', 'notJoined', 'draining']);

export function inCluster(supervisor: Supervisor, cluster: ClusterNode, asked: Asked): Promise<void> | void {
  void cluster.owner; // where the lease is over, nothing lives here any more
  const session = supervisor.find(asked.id, asked.principal);
  if (session === undefined) return elsewhere(supervisor, cluster, asked);
  return inSession(supervisor, session, asked.exchange, undefined, (body) =>
    elsewhere(supervisor, cluster, asked, body),
  );
}

async function elsewhere(
  supervisor: Supervisor,
  cluster: ClusterNode,
  asked: Asked,
  given?: ReadMessages,
): Promise<void> {
  const { exchange } = asked;
  // What nobody of this cluster has made costs nothing more.
  if (!cluster.knows(asked.id)) return refuse(exchange, 'sessionNotFound');
  let body = given;
  if (exchange.method === 'POST' && body === undefined) {
    body = await readMessages(supervisor, exchange);
    if (body === undefined) return;
  }
  if (body?.kind === 'messages' && contradicts(supervisor, body.messages)) {
    return refuse(exchange, 'headerMismatch', firstId(body));
  }
  const refusal = await new Search(supervisor, cluster, asked, body).run();
  if (refusal !== undefined) refuse(exchange, refusal, firstId(body));
}

/** One request, until it is answered or its time is up. */
class Search {
  readonly #supervisor: Supervisor;
  readonly #cluster: ClusterNode;
  readonly #asked: Asked;
  readonly #body: ReadMessages | undefined;
  readonly #text: string | undefined;
  readonly #until: number;

  constructor(supervisor: Supervisor, cluster: ClusterNode, asked: Asked, body: ReadMessages | undefined) {
    this.#supervisor = supervisor;
    this.#cluster = cluster;
    this.#asked = asked;
    this.#body = body;
    this.#text = body && textOf(body);
    this.#until = cluster.now() + supervisor.options.restoreTimeout;
  }

  /** Resolves to why it is refused; undefined where it has its answer. */
  async run(): Promise<RefusalName | undefined> {
    const { id, principal, exchange, forwarded } = this.#asked;
    for (;;) {
      // A stream would be cut off here with the end of the drain; elsewhere it is opened for good.
      if (exchange.method === 'GET' && !this.#supervisor.accepting && forwarded === undefined) return 'draining';
      const here = this.#supervisor.find(id, principal);
      const outcome =
        here === undefined
          ? await this.#seek()
          : this.#isTaken
            ? await this.#answer(here)
            : forwarded === undefined
              ? await this.#whenHandedOver(here)
              : forwarded.busy();
      if (outcome !== 'again') return outcome ?? undefined;
      if (exchange.closed) return undefined;
      await new Promise<void>((resolve) => nextTurn(resolve)); // others have their turn, whatever is wrong here
      if (this.#left <= 0) return this.#supervisor.accepting ? 'sessionElsewhere' : 'draining';
    }
  }

  get #left(): number {
    return this.#until - this.#cluster.now();
  }

  get #finishesCalls(): boolean {
    return this.#body?.kind === 'messages' && finishesCalls(this.#body.messages);
  }

  /** In a drain a session takes only what lets its calls finish, and its end. */
  get #isTaken(): boolean {
    return this.#supervisor.accepting || this.#asked.exchange.method === 'DELETE' || this.#finishesCalls;
  }

  async #answer(session: Session): Promise<RefusalName | 'again' | undefined> {
    let outcome: 'again' | undefined;
    await inSession(this.#supervisor, session, this.#asked.exchange, this.#body, () => {
      outcome = 'again';
    });
    return outcome;
  }

  async #whenHandedOver(session: Session): Promise<RefusalName | 'again'> {
    const left = atMost(this.#supervisor.options.clock, Math.max(0, this.#left), session.departure.whenLeft());
    return (await left) ? 'again' : 'draining';
  }

  async #seek(): Promise<RefusalName | 'again' | undefined> {
    const { id, principal, exchange, forwarded } = this.#asked;
    const shelf = this.#supervisor.shelf;
    const body = this.#text;
    const place = await this.#cluster.seek({ id, principal, exchange, body, forwarded, until: this.#until });
    if (place === 'answered' || exchange.closed) return undefined;
    if (typeof place === 'string') return place;
    if (shelf === undefined) return 'sessionNotFound';
    if (exchange.method === 'DELETE') {
      const outcome = await shelf.endSeen(place, 'deleted');
      if (outcome === 'removed') return void exchange.respond(200, {});
      return outcome === 'gone' ? 'sessionNotFound' : outcome === 'fenced' ? 'again' : outcome;
    }
    if (this.#finishesCalls) return void exchange.respond(202, { 'Mcp-Session-Id': id }); // those calls are no more
    // It may have been brought back for somebody else while its record was looked at.
    if (this.#supervisor.registry.get(id) !== undefined && !shelf.isWaking(id)) return 'again';
    const { owner } = this.#cluster;
    const session = await shelf.restore(place, exchange, exchange.method === 'GET');
    if (typeof session !== 'string') return this.#answer(session);
    const isBack = this.#supervisor.find(id, principal) !== undefined;
    return isBack || ELSEWHERE.has(session) || owner !== this.#cluster.owner ? 'again' : session;
  }
}

/** What a body was parsed from, or would be. */
function textOf(body: ReadMessages): string {
  if (body.text !== undefined) return body.text;
  if (body.kind === 'initialize') return JSON.stringify(body.message);
  return JSON.stringify(body.batch ? body.messages : body.messages[0]);
}
