/**
 * `npm run simulate -- [--minutes 5] [--seed 1] [--steps 150]`: simulates one seed after the other, for so long, and
 * says how it goes every few seconds. What breaks an invariant is shrunk and shown, and the exit code is 1; 2 for wrong
 * usage.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { SimulationFailure, shrinkScript, simulate } from 'mcp-session-supervisor/testing';

const PROGRESS = 10_000;

/** @param {string} message */
function refuseUsage(message) {
  process.stderr.write(`${message}\nUsage: npm run simulate -- [--minutes N] [--seed S] [--steps N]\n`);
  process.exit(2);
}

function flags() {
  const text = /** @type {const} */ ({ type: 'string' });
  try {
    return parseArgs({ options: { minutes: text, seed: text, steps: text } }).values;
  } catch (error) {
    return refuseUsage(error instanceof Error ? error.message : String(error));
  }
}

const { minutes = '5', seed = String(randomInt(2 ** 31)), steps = '150' } = flags();
if (!(Number(minutes) > 0)) refuseUsage(`--minutes takes a positive number; got ${minutes}`);
if (!Number.isSafeInteger(Number(seed))) refuseUsage(`--seed takes a whole number; got ${seed}`);
if (!(Number.isSafeInteger(Number(steps)) && Number(steps) > 0)) {
  refuseUsage(`--steps takes a positive whole number; got ${steps}`);
}

process.stdout.write(`Simulating for ${minutes} minutes from seed ${seed}\n`);
const begin = Date.now();
const end = begin + Number(minutes) * 60_000;
let schedules = 0;
let done = 0;
let told = begin;

function tell() {
  told = Date.now();
  const perMinute = Math.round((schedules * 60_000) / Math.max(1, told - begin));
  process.stdout.write(`${schedules} schedules, ${done} steps, ${perMinute} schedules a minute\n`);
}

for (; Date.now() < end; schedules++) {
  const current = Number(seed) + schedules;
  try {
    done += (await simulate({ seed: current, steps: Number(steps) })).script.commands.length;
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    process.stdout.write(`Seed ${current} breaks ${error.invariant}: ${error.got}\nShrinking…\n\n`);
    process.stdout.write(`${(await shrinkScript(fc, error.script)).message}\n`);
    process.exit(1);
  }
  if (Date.now() - told > PROGRESS) tell();
}
tell();
process.stdout.write('Every invariant held\n');
