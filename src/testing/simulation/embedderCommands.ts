/** What the embedder does in a simulation, besides what is asked of them. */
import { type CommandKind, pick, seenOf } from './commandKind.ts';
import { deedOf } from './deeds.ts';
import { MIDST, PLACES } from './places.ts';

export const EMBEDDER_COMMANDS: readonly CommandKind[] = [
  {
    name: 'stray',
    weight: 4,
    run: (world, client, which, how) => {
      const place = pick(PLACES, which) ?? 'the logger';
      const deed = deedOf(world, how);
      const skip = MIDST.includes(place) ? (how >> 8) % 32 : (how >> 8) % 2;
      const number = how >> 16;
      world.embedder.plan(place, { deed, skip, session: () => seenOf(world, client, number) });
      return `in ${place}, after ${skip} times, the embedder’s code ${deed.name}`;
    },
  },
  {
    name: 'stop',
    weight: 0.1,
    run: (world) => {
      if (world.draining) return undefined;
      world.stop();
      return 'the root actor is stopped';
    },
  },
];
