/** Named mutants of a cluster: each lets one of the promises of several nodes go. */
import { type Patch, patch } from './patch.ts';

const membership = 'cluster/membership.js';
const routing = 'cluster/routing.js';
const cluster = 'cluster/cluster.js';
const forward = 'cluster/forward.js';
const inCluster = 'http/inCluster.js';
const transport = 'transport/sessionTransport.js';
const memory = 'supervisor/memory.js';

export const CLUSTER_PATCHES: readonly Patch[] = [
  patch(membership, 'a lease is good until a timer says otherwise', 'this.#host.now() >= this.#until', 'false'),
  patch(membership, 'is fenced, and keeps its sessions', 'this.#host.fence();', ''),
  patch(membership, 'a life that is gone goes on', "if (outcome === 'gone') return this.#send({ type: 'GONE' });", ''),
  patch(
    membership,
    'a drained node lives until its lease runs out',
    'Promise.resolve().then(() => this.#directory.leave(id))',
    'Promise.resolve()',
  ),
  patch(
    transport,
    'answers whatever has become of its lease',
    'async send(message, options) { this.owner.checkLease?.();',
    'async send(message, options) {',
  ),
  patch(
    routing,
    'claims without a look at the lease',
    "return (await lives.ask(owner)) ?? 'nobody';",
    "return 'nobody';",
  ),
  patch(
    routing,
    'takes a session that has moved for gone',
    "if (outcome === 'answered' || outcome === 'lost') return 'answered'; owners.delete(sought.id);",
    "if (outcome === 'answered' || outcome === 'lost') return 'answered'; return 'sessionNotFound';",
  ),
  patch(routing, 'takes a store that says nothing for an end', 'refusal = record;', "return 'sessionNotFound';"),
  patch(
    routing,
    'takes a directory that says nothing for an end',
    "catch { return 'unknown';",
    "catch { return 'nobody';",
  ),
  patch(routing, 'holds a request for ever', 'if (left <= 0 || exchange.closed', 'if (exchange.closed'),
  patch(routing, 'holds no request', 'const left = until - this.#host.now();', 'const left = 0;'),
  patch(
    routing,
    'keeps what it is asked for while it drains',
    "if (owner === 'nobody' && (this.#host.accepting || sought.exchange.method === 'DELETE'))",
    "if (owner === 'nobody')",
  ),
  patch(
    forward,
    'sends a request again that may have been delivered',
    "!delivered || (this.#exchange.method === 'GET' && this.#answer === undefined)",
    'true',
  ),
  patch(
    forward,
    'tells nobody that no answer will come',
    "refuse(this.#exchange, 'ownerLost', this.#requestId());",
    '{}',
  ),
  patch(
    cluster,
    'says that it has ended a session, and has not',
    "return (await session.endStored(reason)) === 'removed' ? 'terminated' : 'moved';",
    "return 'terminated';",
  ),
  patch(
    inCluster,
    'forgets a session that is deleted here alone',
    "const outcome = await shelf.endSeen(place, 'deleted');",
    "const outcome = 'removed';",
  ),
  patch(inCluster, 'refuses what it hands over', 'await this.#whenHandedOver(here)', "'draining'"),
  patch(memory, 'a session belongs to nobody', '...(owner !== undefined && { owner }),', ''),
  patch(memory, 'parks in a life that is over', 'return this.#host.owner() === this.#owner;', 'return true;'),
];
