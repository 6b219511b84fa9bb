/**
 * Three nodes, clients that count, and a nemesis: whatever it does to nodes, Redis and the network, what the clients saw is
 * a history that is allowed. `NEMESIS_SECONDS`: for how long, 20 by default; `NEMESIS_SEED`: the order of faults;
 * `NEMESIS_NETWORK`: namespaces or proxies.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { random } from '../../src/testing/random.ts';
import { useCommand } from '../cli/command.ts';
import { check, checkStore, told } from '../cluster/history/checker.ts';
import type { History, Operation } from '../cluster/history/history.ts';
import { until } from '../support/until.ts';
import { LEASE } from './faults.ts';
import { Load } from './load.ts';
import { attack } from './nemesis.ts';
import type { Network } from './network.ts';
import { startRealCluster } from './realCluster.ts';
import { storedKeys } from './storedKeys.ts';
import { open, type Target } from './wireClient.ts';

const command = useCommand();

const { NEMESIS_SECONDS = '20', NEMESIS_SEED, NEMESIS_NETWORK } = process.env;
const SECONDS = Number(NEMESIS_SECONDS);
const SEED = NEMESIS_SEED === undefined ? Date.now() % 1_000_000 : Number(NEMESIS_SEED);

/** A request is held for 10 s at most, and may be with a node whose lease has to run out; where others are busy. */
const BOUND = 20_000;

/** What a request and a fault at the end, and reading all sessions, may take beyond the time of the attack, in ms. */
const AFTERWARDS = 180_000;

test('a nemesis', { timeout: 1_000 * SECONDS + AFTERWARDS }, async () => {
  const begun = performance.now();
  const lines: string[] = [];
  const log = (line: string) => {
    lines.push(`${((performance.now() - begun) / 1_000).toFixed(3)} s: ${line}`);
  };
  const { nodes, redis, network } = await startRealCluster(command, { network: NEMESIS_NETWORK as Network['kind'] });
  log(`seed ${SEED}, ${SECONDS} s, a network of ${network.kind}`);
  console.log(lines[0]);
  const losses: number[] = [];
  // Loads and faults draw from sources of their own: when a client draws depends on the machine.
  const load = new Load({ targets: nodes, random: random(SEED + 1), clients: 5, sessions: 15, pause: 100 });
  await whenJoined(nodes, load.operations);
  load.start();
  await attack({ nodes, redis, network, random: random(SEED), losses, log }, 1_000 * SECONDS);
  await network.heal();
  await load.stop();
  await whenJoined(nodes, load.operations);
  // Until then nobody says of anything that it is gone, where Redis was started anew.
  await until(() => uptime(redis.ask('INFO', 'server')).then((seconds) => seconds > LEASE / 1_000 + 1), {
    within: 15_000,
  });
  await load.readAll();

  const outages = nodes.flatMap((node) => node.outages);
  const history: History = { operations: load.operations, outages, losses, bound: BOUND };
  const { keys, lives } = await storedKeys(redis.url);
  const mayBe = load.operations.filter(({ kind, outcome }) => kind === 'open' && outcome !== 'ok').length;
  const violations = [...check(history), ...checkStore(history, keys, { lives, mayBe })];
  const printed = nodes.map(({ name, printed }) => `${name}:\n${printed}`).join('\n');
  const artifacts = fileURLToPath(new URL('../../.artifacts/', import.meta.url));
  await mkdir(artifacts, { recursive: true });
  const file = `${artifacts}nemesis-${SEED}.json`;
  await writeFile(file, JSON.stringify({ begun, lines, violations, history, keys, lives, printed }, undefined, 1));
  const tally = counted(load.operations.map(({ kind, outcome }) => `${kind} ${outcome}`));
  console.log([...lines, JSON.stringify(tally), `history: ${file}`].join('\n'));
  expect(violations.map(told), `seed ${SEED}, history in ${file}`).toEqual([]);
  expect(printed).not.toMatch(/UNHANDLED|process\.uncaught|request\.failed/);
  const done = load.operations.filter(({ outcome }) => outcome === 'ok').length;
  expect(done / load.operations.length, 'of all that was asked').toBeGreaterThan(0.5);
});

/** An initialize at each node has its answer; noted as all else. */
async function whenJoined(targets: readonly Target[], operations: Operation[]): Promise<void> {
  for (const target of targets) {
    const joined = async () => {
      const operation = await open(target, 'joined');
      operations.push(operation);
      return operation.outcome === 'ok';
    };
    await until(joined, { within: 30_000, what: `${target.name} to join` });
  }
}

async function uptime(info: Promise<unknown>): Promise<number> {
  return Number(/uptime_in_seconds:(\d+)/.exec(String(await info))?.[1]);
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
