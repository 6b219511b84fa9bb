/** The end of a simulated cluster: everything heals, every session that lives answers; then all is drained, and nothing is left. */
import type { ClusterWorld } from './clusterWorld.ts';
import type { Asked } from './known.ts';
import { short } from './simulatedRecords.ts';

/** How long it may take until everything goes on, in ms: leases run out, what was held is given up. */
const RECOVERY = 45_000;

/** So long at least it goes on until everything is as before, in ms. */
const AFTERMATH = 12_000;

/** How long a session may take to answer then, and a node to be drained, in ms. */
const ANSWER_WITHIN = 15_000;
const DRAIN_WITHIN = 25_000;

/** After so many ms a process that was drained has nothing left to do. */
const QUIET_AFTER = 30_000;

export async function finishCluster(world: ClusterWorld): Promise<void> {
  if (world.broken !== undefined) return;
  world.note('the end: everything heals');
  world.heal();
  for (const node of [...world.nodes]) if (!node.isUp) world.restart(node);
  await world.pass(AFTERMATH);
  await world.passUntil(() => ![...world.clients.open].some((asked) => !isStream(asked)), RECOVERY);
  for (const asked of [...world.clients.open]) {
    if (!isStream(asked)) world.break(`${asked.name} ${asked.what} is not answered`);
    world.clients.hangUp(asked);
  }
  for (const node of [...world.nodes]) if (!node.isUp) world.restart(node); // whose drain has ended meanwhile
  await world.pass(AFTERMATH);
  await askAll(world);
  await drainAll(world);
  if (world.broken === undefined) checkLeft(world);
}

function isStream({ what }: Asked): boolean {
  return what === 'listen' || what === 'resume';
}

/** What lives answers, with all that was acknowledged; what has ended does not. */
async function askAll(world: ClusterWorld): Promise<void> {
  const up = world.nodes.filter(({ isUp, draining }) => isUp && !draining);
  for (const known of world.judge.sessions) {
    const node = up[Math.floor(world.numbers() * up.length)];
    if (node !== undefined) world.ask(node, known.owner, 'read', known);
  }
  await world.passUntil(() => world.clients.open.size === 0, ANSWER_WITHIN);
}

async function drainAll(world: ClusterWorld): Promise<void> {
  for (const node of world.nodes) {
    if (world.broken !== undefined) return;
    if (!node.draining) node.drain();
    world.note(`${node.name} drains`);
    if (!(await world.passUntil(() => node.drained, DRAIN_WITHIN)))
      world.break(`the drain of ${node.name} does not come to an end`);
  }
  await world.pass(QUIET_AFTER);
}

function checkLeft(world: ClusterWorld): void {
  for (const node of [...world.nodes, ...world.former]) {
    const { supervisor, process, name } = node;
    if (process.dead) continue;
    if (process.timers > 0) world.break(`${process.timers} timers of ${name} are left`);
    const { sessions, cluster } = supervisor.stats();
    const { initializing, restoring, active, idle } = sessions;
    if (initializing + restoring + active + idle > 0) world.break(`sessions are left in ${name}`);
    if (cluster === undefined || cluster.held + cluster.forwarded > 0) world.break(`requests are left in ${name}`);
  }
  if (world.network.wires.size > 0) world.break(`${world.network.wires.size} requests are between nodes`);
  for (const { id, ended } of world.judge.sessions) {
    if (ended && world.records.epochOf(id) !== undefined) world.break(`the record of ${short(id)} is left`);
  }
}
