/** Each way to break the machine of a child (`test/mutants/machineMutants.ts`) is told by a row of its table. */
import { beforeEach, expect, test, vi } from 'vitest';
import { childMachine } from '../../src/machines/child.ts';
import { outcome } from '../machines/childLife.ts';
import { TABLE } from '../machines/childTable.ts';
import { machineMutants } from '../mutants/machineMutants.ts';

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

const mutants = machineMutants(childMachine);

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s', (_, mutant) => {
  const machine = mutant.make() as unknown as typeof childMachine;
  const differs = ([name, event, ...expected]: (typeof TABLE)[number]) => {
    try {
      return JSON.stringify(outcome(name, event, machine)) !== JSON.stringify(expected);
    } catch {
      return true; // it has no such state any more
    }
  };
  expect(TABLE.some(differs)).toBe(true);
});
