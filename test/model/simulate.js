/**
 * `npm run simulate -- [--minutes 5] [--steps 10000000] [--seed 1] [--length 150] [--cluster]`: simulates one seed after the other
 * until so many steps are done, or so much time has passed (5 minutes, where neither is given), and says how it goes
 * every few seconds. What is left of the steps goes on from the seed that it names at the end. What breaks an invariant
 * is shrunk and shown, and the exit code is 1; 2 for wrong usage. With `--cluster` it is several nodes, whose seeds are not
 * shrunk.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import {
  ClusterFailure,
  SimulationFailure,
  shrinkScript,
  simulate,
  simulateCluster,
} from 'mcp-session-supervisor/testing';

const PROGRESS = 10_000;
const USAGE = 'Usage: npm run simulate -- [--minutes N] [--steps N] [--seed S] [--length N] [--cluster]';

/** @param {string} message */
function refuseUsage(message) {
  process.stderr.write(`${message}\n${USAGE}\n`);
  process.exit(2);
}

function flags() {
  const text = /** @type {const} */ ({ type: 'string' });
  try {
    const cluster = /** @type {const} */ ({ type: 'boolean' });
    return parseArgs({ options: { cluster, length: text, minutes: text, seed: text, steps: text } }).values;
  } catch (error) {
    return refuseUsage(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function positiveWhole(name, value) {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0
    ? number
    : refuseUsage(`--${name} takes a positive whole number; got ${value}`);
}

const { cluster = false, length = cluster ? '80' : '150', minutes, seed = String(randomInt(2 ** 31)), steps } = flags();
const enough = steps === undefined ? Number.POSITIVE_INFINITY : positiveWhole('steps', steps);
const time = Number(minutes ?? (steps === undefined ? '5' : Number.POSITIVE_INFINITY));
if (!(time > 0)) refuseUsage(`--minutes takes a positive number; got ${minutes}`);
if (!Number.isSafeInteger(Number(seed))) refuseUsage(`--seed takes a whole number; got ${seed}`);
const commands = positiveWhole('length', length);

process.stdout.write(`Simulating from seed ${seed}\n`);
const begin = Date.now();
const end = begin + time * 60_000;
let current = Number(seed);
let done = 0;
let told = begin;

function tell() {
  told = Date.now();
  const perSecond = Math.round((done * 1_000) / Math.max(1, told - begin));
  process.stdout.write(`${done} steps in seeds ${seed} to ${current - 1}, ${perSecond} steps a second\n`);
}

// An error that nobody catches is a fault too, and no promise of ours knows of it.
for (const event of /** @type {const} */ (['uncaughtException', 'unhandledRejection'])) {
  process.on(event, (/** @type {unknown} */ error) => {
    process.stdout.write(`Seed ${current}, ${event}: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  });
}

/** Returns how many steps were done. */
async function simulateOne() {
  if (!cluster) return (await simulate({ seed: current, steps: commands })).script.commands.length;
  await simulateCluster({ seed: current, steps: commands });
  return commands;
}

for (; done < enough && Date.now() < end; current++) {
  try {
    done += await simulateOne();
  } catch (error) {
    if (error instanceof ClusterFailure) {
      process.stdout.write(`${error.message}\n`);
      process.exit(1);
    }
    if (!(error instanceof SimulationFailure)) throw error;
    process.stdout.write(`Seed ${current} breaks ${error.invariant}: ${error.got}\nShrinking…\n\n`);
    process.stdout.write(`${(await shrinkScript(fc, error.script)).message}\n`);
    process.exit(1);
  }
  if (Date.now() - told > PROGRESS) tell();
}
tell();
process.stdout.write(`Every invariant held. It goes on with --seed ${current}\n`);
