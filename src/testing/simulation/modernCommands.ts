/** What clients of 2026-07-28 do in a simulation, and the embedder for them. */
import { type CommandKind, describeHolds, holdsOf, pick } from './commandKind.ts';
import { type ModernAsk, SPOILS, type Spoil } from './modernAsk.ts';
import { MODERN_HOLDS } from './modernTraffic.ts';
import type { SimulatedClient } from './simulatedClient.ts';
import { CALL_MANNERS, HOLD } from './simulatedServer.ts';
import type { SimulationWorld } from './simulationWorld.ts';

const URIS = ['note:///a', 'note:///b'];
const SPOIL_NAMES = Object.keys(SPOILS) as Spoil[];

/** Where such requests are refused, a few show that. */
const isWanted = ({ settings }: SimulationWorld, which: number) => settings.modern || which % 8 === 0;

/** The id of somebody's session, which such a request has no business with, one time in three. */
function strayId({ supervisor }: SimulationWorld, how: number): string | undefined {
  const ids = Array.from(supervisor.sessions(), ({ id }) => id);
  return (how >> 20) % 3 === 0 ? pick(ids, how >> 22) : undefined;
}

function send(
  world: SimulationWorld,
  client: SimulatedClient,
  ask: ModernAsk,
  how: number,
  manner: (typeof CALL_MANNERS)[number] = 'answers',
): string {
  const { holds } = ask;
  // What names a session, and no revision in its header, is that session's.
  const stray = ask.spoil === 'header' ? undefined : strayId(world, how);
  const plan = holds | (CALL_MANNERS.indexOf(manner) << 8);
  const { name } = world.modern.send(client, ask, plan, holds, stray);
  const spoilt = ask.spoil === undefined ? '' : `, with the wrong ${ask.spoil}`;
  const within = stray === undefined ? '' : `, with the id of ${stray}`;
  return `${name} ${ask.what} without a session${spoilt}${within}, ${manner}${describeHolds(holds)}`;
}

export const MODERN_COMMANDS: readonly CommandKind[] = [
  {
    name: 'modern call',
    weight: 9,
    run: (world, client, which, how) => {
      if (!isWanted(world, which)) return undefined;
      const manner = pick(['answers', 'answers', 'tells', 'throws'] as const, which >> 3) ?? 'answers';
      const holds = holdsOf(how, MODERN_HOLDS) | (how & HOLD.answer);
      return send(world, client, { what: 'call', holds }, how, manner);
    },
  },
  {
    name: 'modern discover',
    weight: 3,
    run: (world, client, which, how) =>
      isWanted(world, which)
        ? send(world, client, { what: 'discover', holds: holdsOf(how, MODERN_HOLDS & ~HOLD.answer) }, how)
        : undefined,
  },
  {
    name: 'modern listen',
    weight: 6,
    run: (world, client, which, how) => {
      if (!isWanted(world, which)) return undefined;
      const holds = holdsOf(how, MODERN_HOLDS & ~HOLD.answer);
      const wants = { tools: (how >> 16) % 4 !== 3, uris: URIS.slice(0, (how >> 18) % 3) };
      return send(world, client, { what: 'listen', holds, wants }, how);
    },
  },
  {
    name: 'modern spoilt',
    weight: 2,
    run: (world, client, which, how) => {
      if (!isWanted(world, which)) return undefined;
      const spoil = pick(SPOIL_NAMES, which >> 3) ?? 'method';
      const ask = { what: 'call', holds: holdsOf(how, HOLD.body), spoil } as const;
      return send(world, client, ask, how);
    },
  },
  {
    name: 'modern tell',
    weight: 3,
    run: (world, client, which, how) => {
      const working = world.modern.lives.filter((life) => life.exchange.client === client.index && life.working);
      const life = pick(working, which);
      return life && `the ${life.name} says ${life.tell((how % 4) * 150)}`;
    },
  },
  {
    name: 'publish',
    weight: 5,
    run: (world, _, which, how) => {
      if (!isWanted(world, which)) return undefined;
      const what = pick(['tools', ...URIS], how) ?? 'tools';
      world.modern.publish(what);
      return `the embedder tells that ${what} changed`;
    },
  },
];
