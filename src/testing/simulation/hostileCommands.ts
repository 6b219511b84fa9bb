/** What comes in a simulation that a server had better be prepared for: mistakes of clients, and of a factory. */
import { type CommandKind, pick, sessionOf } from './commandKind.ts';
import { VERSIONS } from './simulatedClient.ts';
import { HOLD } from './simulatedServer.ts';

/** More than `maxInitializeSize`, more than `maxRequestBodySize`, and more JSON values than an initialize may have. */
const BALLAST = ['x'.repeat(7_000), 'x'.repeat(9_000), Array<number>(2_001).fill(0)];

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
  {
    name: 'fatten',
    weight: 0.5,
    run: (_, client, which, how) =>
      `${client.open(VERSIONS[0], how & HOLD.body, pick(BALLAST, which)).name} initialize, which is too large`,
  },
  {
    name: 'overload',
    weight: 0.5,
    run: (world, client, which, how) => {
      const session = sessionOf(world, client, which);
      return (
        session && `${client.overload(session, 9_000, how & HOLD.body).name} notification in ${session.id}, too large`
      );
    },
  },
  {
    name: 'share',
    weight: 1,
    run: (world, client) => {
      world.sharing.add(client.index);
      return 'the factory returns for its next session a server that another one has';
    },
  },
];
