/** What the schedule, time, the servers and the embedder do in a simulation. */
import { type CommandKind, pick, seenOf, servedCall } from './commandKind.ts';
import type { SeenSession } from './observed.ts';
import type { SimulationWorld } from './simulationWorld.ts';

/** Characters that make a message long enough to matter to a small buffer. */
const paddingOf = (how: number) => (how % 4) * 150;

/** What the embedder or a server can do in the middle of a change of a session's state. */
const REACTIONS: readonly { readonly name: string; react(world: SimulationWorld, session: SeenSession): void }[] = [
  {
    name: 'terminate it',
    react: (world, session) => world.terminate(session, 'terminated'),
  },
  { name: 'have its server close itself', react: (_, { server }) => server.leave() },
  { name: 'tell it something', react: (_, { server }) => void server.push(false, 0) },
  { name: 'hang up its initialize', react: (_, { opening }) => opening.hangUp(false) },
];

export const WORLD_COMMANDS: readonly CommandKind[] = [
  {
    name: 'go on',
    weight: 30,
    run: ({ points }, client, which) => {
      const point = pick(
        points.waiting.filter((waiting) => waiting.client === client.index),
        which,
      );
      point?.release();
      return point && `goes on: ${point.what}`;
    },
  },
  {
    name: 'pass time',
    weight: 7,
    run: (world, _, which, how) => {
      const { nextDue } = world.clock;
      const spans = [1, 500, 1_000, 2_000, 3_000, 6_000, 11_000, 26_000, 61_000, 91_000];
      const toNext = which % 4 === 3 && nextDue !== undefined;
      const time = toNext
        ? Math.max(world.now, nextDue - (how % 4 === 3 ? 1 : 0))
        : world.now + (pick(spans, how) ?? 1);
      world.passUntil(time);
      return `${time - world.now} ms pass, until ${time}`;
    },
  },
  {
    name: 'tell',
    weight: 5,
    run: (world, client, which, how) => {
      const session = seenOf(world, client, which);
      const call = servedCall(session, which);
      if (session === undefined || call === undefined) return undefined;
      const asks = (how >> 2) % 3 === 2;
      const token = session.server.tell(call, asks, paddingOf(how));
      return `the server of ${session.id} ${asks ? 'asks' : 'tells'} ${token} in call ${call.token}`;
    },
  },
  {
    name: 'push',
    weight: 5,
    run: (world, client, which, how) => {
      const session = seenOf(world, client, which);
      if (session === undefined || session.server.connects === 0) return undefined;
      const asks = (how >> 2) % 3 === 2;
      return `the server of ${session.id} ${asks ? 'asks' : 'tells'} ${session.server.push(asks, paddingOf(how))}`;
    },
  },
  {
    name: 'disconnect',
    weight: 2,
    run: (world, client, which, how) => {
      const session = seenOf(world, client, which);
      const call = servedCall(session, which);
      if (session === undefined || call === undefined) return undefined;
      const standalone = how % 3 === 2;
      for (const { stream } of world.exchanges) {
        const its = standalone
          ? stream.requests.length === 0
          : stream.requests.some(({ token }) => token === call.token);
        if (its) stream.sentAway = true;
      }
      session.server.disconnect(call, standalone);
      return `the server of ${session.id} sends away the client of ${standalone ? 'GET' : `call ${call.token}`}`;
    },
  },
  {
    name: 'leave',
    weight: 0.5,
    run: (world, client, which) => {
      const session = seenOf(world, client, which);
      if (session === undefined || session.server.connects === 0) return undefined;
      session.server.leave();
      return `the server of ${session.id} closes itself`;
    },
  },
  {
    name: 'terminate',
    weight: 1,
    run: (world, client, which, how) => {
      const session = seenOf(world, client, which);
      const reason = pick(['terminated', 'crashed', 'closed', 'evicted', 'drained', 'deleted'] as const, how);
      if (session === undefined || reason === undefined) return undefined;
      world.terminate(session, reason);
      return `terminate(${session.id}, ${reason})`;
    },
  },
  {
    name: 'react',
    weight: 1,
    run: (world, client, which, how) => {
      const to = pick(['session.idle', 'session.active', 'session.opened'] as const, which) ?? 'session.idle';
      const reaction = pick(REACTIONS, how);
      if (reaction === undefined) return undefined;
      world.reactions.set(client.index, { to, react: (session) => reaction.react(world, session) });
      return `the listener of its next ${to} is to ${reaction.name}`;
    },
  },
  {
    name: 'fail',
    weight: 3,
    run: ({ points }, client, which) => {
      const point = pick(
        points.waiting.filter((waiting) => waiting.client === client.index && waiting.canFail),
        which,
      );
      point?.release(new Error('As the schedule wants it'));
      return point && `fails: ${point.what}`;
    },
  },
  {
    name: 'block',
    weight: 0.5,
    run: (world, _, which) => {
      const ms = pick([500, 7_000, 30_000, 70_000], which) ?? 500;
      world.clock.block(ms);
      return `the event loop is blocked for ${ms} ms, until ${world.now}`;
    },
  },
  {
    name: 'repeat an id',
    weight: 0.5,
    run: (world) => {
      world.repeatsId = true;
      return 'the next session id is to be one that is in use';
    },
  },
  {
    name: 'drain',
    weight: 0.2,
    run: (world) => {
      if (world.draining) return undefined;
      world.drain();
      return 'drain()';
    },
  },
];
