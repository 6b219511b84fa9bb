/**
 * The machines of a child and of a listen stream, broken in every way that their definitions have: each is told by a row of
 * the table that its tests go by. That takes no processes, and so no attack.
 */
import { childMachine, listenMachine } from 'mcp-session-supervisor/machines';
import type { AnyStateMachine } from 'xstate';
import * as child from '../machines/childLife.ts';
import { TABLE as CHILD_TABLE } from '../machines/childTable.ts';
import * as listen from '../machines/listenLife.ts';
import { type MachineMutant, machineMutants } from './machineMutants.ts';

type Row = readonly [given: string, event: string, ...expected: readonly unknown[]];

/** A machine whose mutants are told by a table. */
export interface TabledMachine {
  readonly name: string;
  readonly machine: AnyStateMachine;
  readonly table: readonly Row[];
  outcome(given: string, event: string, machine: AnyStateMachine): unknown;
}

export const TABLED_MACHINES: readonly TabledMachine[] = [
  { name: 'a child', machine: childMachine, table: CHILD_TABLE, outcome: child.outcome as never },
  { name: 'a listen stream', machine: listenMachine, table: listen.TABLE, outcome: listen.outcome as never },
];

export const tabledMutants = ({ machine }: TabledMachine): MachineMutant[] => machineMutants(machine);

/** The row that tells a machine from what is written down; undefined when none does. */
export function rowThatTells({ table, outcome }: TabledMachine, machine: AnyStateMachine): string | undefined {
  const { warn } = console;
  console.warn = () => {}; // xstate tells of events to stopped actors
  try {
    const row = table.find(([name, event, ...expected]) => {
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
