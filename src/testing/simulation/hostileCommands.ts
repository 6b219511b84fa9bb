/** What clients do in a simulation that a server had better be prepared for. */
import type { CommandKind } from './commandKind.ts';

export const HOSTILE_COMMANDS: readonly CommandKind[] = [
  {
    name: 'pipeline',
    weight: 4,
    run: (world, client) => {
      if (!world.settings.node) return undefined;
      world.pipelining.add(client.index);
      return 'its next request goes on its last connection, behind those that are there';
    },
  },
];
