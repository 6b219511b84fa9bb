/**
 * The machine of a child, broken in every way that its definition has: each is told by a row of the table that its tests go
 * by. That takes no processes, and so no attack.
 */
import { childMachine } from 'mcp-session-supervisor/machines';
import { outcome } from '../machines/childLife.ts';
import { TABLE } from '../machines/childTable.ts';
import { type MachineMutant, machineMutants } from './machineMutants.ts';

/** Mutants of the child machine. */
export const childMutants = (): MachineMutant[] => machineMutants(childMachine);

/** The row that tells a machine from what is written down; undefined when none does. */
export function rowThatTells(machine: typeof childMachine): string | undefined {
  const { warn } = console;
  console.warn = () => {}; // xstate tells of events to stopped actors
  try {
    const row = TABLE.find(([name, event, ...expected]) => {
      try {
        return JSON.stringify(outcome(name, event, machine)) !== JSON.stringify(expected);
      } catch {
        return true; // it has no such state any more
      }
    });
    return row && `${row[0]}: ${row[1]}`;
  } finally {
    console.warn = warn;
  }
}
