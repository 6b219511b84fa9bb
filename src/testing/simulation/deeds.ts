/** What the embedder's code can do where it is called back, in a simulation. */
import type { Deed } from './embedder.ts';
import type { SeenSession } from './observed.ts';
import type { Place } from './places.ts';
import { type ClientSession, VERSIONS } from './simulatedClient.ts';
import type { SimulationWorld } from './simulationWorld.ts';

/** Where a failure would have timers run on Node's clock, and be no simulation any more. */
const CAN_NOT_FAIL: readonly Place[] = ['clock.now', 'clock.setTimeout', 'clock.clearTimeout'];

/** Where nobody takes a promise either: what comes of a message is an answer. */
const CAN_NOT_REJECT: readonly Place[] = [...CAN_NOT_FAIL, 'onmessage'];

/** Ids of requests that no client comes to by itself. */
const FIRST_REQUEST = 900;

interface DeedKind {
  readonly name: string;
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  run(world: SimulationWorld, session: SeenSession | undefined, place: Place): unknown;
}

/** The session as its client knows it, or would know it. */
function knownTo(world: SimulationWorld, { client, id, opening }: SeenSession): ClientSession | undefined {
  const { attempts, sessions } = world.clients[client] ?? { attempts: [], sessions: [] };
  const version = attempts.find(({ exchange }) => exchange === opening)?.version ?? VERSIONS[0];
  const known = sessions.find((session) => session.id === id);
  return known ?? { id, version, nextRequest: FIRST_REQUEST, requests: [], asked: [] };
}

const DEED_KINDS: readonly DeedKind[] = [
  {
    name: 'terminates a session',
    weight: 6,
    run: (world, session) => session && world.terminate(session, 'terminated'),
  },
  {
    name: 'calls a session',
    weight: 4,
    run: (world, session) => {
      const known = session && knownTo(world, session);
      if (known !== undefined) world.clients[session?.client ?? 0]?.call(known, [0], 0, false);
    },
  },
  {
    name: 'listens to a session',
    weight: 2,
    run: (world, session) => {
      const known = session && knownTo(world, session);
      if (known !== undefined) world.clients[session?.client ?? 0]?.listen(known, 0);
    },
  },
  {
    name: 'deletes a session',
    weight: 2,
    run: (world, session) => {
      const known = session && knownTo(world, session);
      if (known !== undefined) world.clients[session?.client ?? 0]?.remove(known);
    },
  },
  {
    name: 'opens a session',
    weight: 2,
    run: (world, session) => void world.clients[session?.client ?? 0]?.open(VERSIONS[0], 0),
  },
  {
    name: 'has the server close itself',
    weight: 2,
    run: (_, session) => session?.server.leave(),
  },
  {
    name: 'looks at the sessions',
    weight: 1,
    run: ({ supervisor }) => {
      for (const { id } of supervisor.sessions()) supervisor.session(id);
    },
  },
  {
    name: 'throws',
    weight: 6,
    run: ({ embedder }, _, place) => {
      if (!CAN_NOT_FAIL.includes(place)) throw embedder.error(place);
    },
  },
  {
    name: 'rejects',
    weight: 6,
    run: ({ embedder }, _, place) =>
      CAN_NOT_REJECT.includes(place) ? undefined : Promise.reject(embedder.error(place)),
  },
  {
    name: 'never comes to an end',
    weight: 1,
    run: (_, __, place) => (CAN_NOT_REJECT.includes(place) ? undefined : new Promise(() => {})),
  },
  { name: 'drains', weight: 0.5, run: (world) => world.drain() },
  { name: 'stops the root', weight: 0.5, run: (world) => world.stop() },
];

/** As many deeds as there are halves of a weight. */
const TABLE = DEED_KINDS.flatMap((kind) => Array<DeedKind>(kind.weight * 2).fill(kind));

/** A deed by its number. */
export function deedOf(world: SimulationWorld, number: number): Deed {
  const { name, run } = TABLE[number % TABLE.length] ?? (DEED_KINDS[0] as DeedKind);
  return { name, run: (place, session) => run(world, session, place) };
}
