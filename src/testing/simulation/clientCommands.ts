/** What clients do in a simulation. */
import { type CommandKind, describeHolds, holdsOf, pick, servedCall, sessionOf } from './commandKind.ts';
import { type ClientSession, type SimulatedClient, VERSIONS } from './simulatedClient.ts';
import type { SimulatedExchange } from './simulatedExchange.ts';
import { CALL_MANNERS, HOLD } from './simulatedServer.ts';
import type { SimulationWorld } from './simulationWorld.ts';

/** What can wait in a POST, and in a GET. */
const IN_POST = HOLD.body | HOLD.answer | HOLD.reader;
const IN_GET = HOLD.reader;

function openExchange(world: SimulationWorld, client: SimulatedClient, which: number): SimulatedExchange | undefined {
  return pick(
    world.exchanges.filter((exchange) => exchange.open && exchange.client === client.index),
    which,
  );
}

export const CLIENT_COMMANDS: readonly CommandKind[] = [
  {
    name: 'open',
    weight: 9,
    run: (world, client, which, how) => {
      if (which >= 64 && client.sessions.some(({ id }) => world.supervisor.session(id) !== undefined)) return undefined;
      const version = VERSIONS[which % VERSIONS.length] ?? VERSIONS[0];
      const holds = holdsOf(how) & ((how >> 16) | HOLD.store);
      return `${client.open(version, holds).name} initialize, version ${version}${describeHolds(holds)}`;
    },
  },
  {
    name: 'call',
    weight: 14,
    run: (world, client, which, how) => {
      const session = sessionOf(world, client, which);
      if (session === undefined) return undefined;
      const holds = holdsOf(how, IN_POST) | (how & HOLD.answer);
      const manner = CALL_MANNERS[(how >> 16) % 64] ?? 'answers';
      const exchange = client.call(
        session,
        [holds | (CALL_MANNERS.indexOf(manner) << 8)],
        holds,
        (how >> 22) % 4 === 3,
      );
      const what = exchange.stream.requests.map(({ id, token }) => `${id} (${token})`).join(', ');
      return `${exchange.name} call ${what} in ${session.id}, ${manner}${describeHolds(holds)}`;
    },
  },
  {
    name: 'batch',
    weight: 2,
    run: (world, client, which, how) => {
      const session = sessionOf(world, client, which);
      if (session === undefined) return undefined;
      const holds = holdsOf(how, IN_POST);
      const exchange = client.call(session, [holds & ~HOLD.answer, holds | HOLD.answer], holds, false);
      const what = exchange.stream.requests.map(({ id, token }) => `${id} (${token})`).join(', ');
      return `${exchange.name} batch of calls ${what} in ${session.id}${describeHolds(holds)}`;
    },
  },
  {
    name: 'notify',
    weight: 4,
    run: (world, client, which, how) => {
      const session = sessionOf(world, client, which);
      const holds = holdsOf(how, HOLD.body);
      return session && `${client.notify(session, holds).name} notification in ${session.id}${describeHolds(holds)}`;
    },
  },
  {
    name: 'babble',
    weight: 1,
    run: (world, client, which, how) => {
      const session = sessionOf(world, client, which);
      const holds = holdsOf(how, HOLD.body);
      return session && `${client.babble(session, how, holds).name} nonsense in ${session.id}${describeHolds(holds)}`;
    },
  },
  {
    name: 'listen',
    weight: 6,
    run: (world, client, which, how) => {
      const session = sessionOf(world, client, which);
      const holds = holdsOf(how, IN_GET);
      return session && `${client.listen(session, holds).name} GET in ${session.id}${describeHolds(holds)}`;
    },
  },
  {
    name: 'resume',
    weight: 5,
    run: (world, client, which, how) => {
      const streams = client.streams.filter(({ lastEventId }) => lastEventId !== undefined);
      const stream = streams.at(-1 - (which % Math.min(streams.length, 3)));
      const session = client.sessions.find(({ id }) => id === stream?.sessionId);
      if (stream === undefined || session === undefined) return undefined;
      for (const exchange of world.exchanges) {
        if (exchange.stream !== stream || !exchange.open) continue;
        if (how % 2 === 0) exchange.hangUp(false);
        else exchange.abandon();
      }
      const exchange = client.resume(session, stream, holdsOf(how, IN_GET));
      const left = how % 2 === 0 ? '' : ', with the old connection left open';
      return `${exchange.name} resumes after ${stream.lastEventId} in ${session.id}${left}`;
    },
  },
  {
    name: 'hang up',
    weight: 6,
    run: (world, client, which, how) => {
      const exchange = openExchange(world, client, which);
      exchange?.hangUp(how % 2 === 1);
      return exchange && `${exchange.name} is hung up`;
    },
  },
  {
    name: 'DELETE',
    weight: 1.5,
    run: (world, client, which) => {
      const session = sessionOf(world, client, which);
      return session && `${client.remove(session).name} DELETE in ${session.id}`;
    },
  },
  {
    name: 'cancel',
    weight: 4,
    run: (world, client, which) => {
      const session = sessionOf(world, client, which);
      const call = servedCall(world.sessions.get(session?.id ?? ''), which);
      const request = session?.requests.findLast(({ token }) => token === call?.token);
      if (session === undefined || request === undefined) return undefined;
      return `${client.cancel(session, request).name} cancels call ${request.id} (${request.token})`;
    },
  },
  {
    name: 'reply',
    weight: 3,
    run: (world, client, which) => {
      const session = sessionOf(world, client, which);
      const id = session && pick(session.asked, which >> 3);
      return id === undefined ? undefined : session && `${client.reply(session, id).name} replies to ${id}`;
    },
  },
  {
    name: 'read all',
    weight: 3,
    run: (world, client, which) => {
      const exchange = pick(
        world.exchanges.filter((other) => other.open && other.slow && other.client === client.index),
        which,
      );
      exchange?.hurry();
      return exchange && `${exchange.name} reads all there is`;
    },
  },
  {
    name: 'use a stranger’s id',
    weight: 1,
    run: (world, client, which, how) => {
      const ids = [...world.sessions.keys()].slice(-8);
      const id = pick(ids, which);
      if (id === undefined) return undefined;
      const session: ClientSession = { id, version: VERSIONS[0], nextRequest: 900, requests: [], asked: [] };
      const run = [
        () => client.listen(session, 0),
        () => client.remove(session),
        () => client.call(session, [0], 0, true),
      ];
      const exchange = run[how % 3]?.();
      return exchange && `${exchange.name} ${exchange.kind} in ${id}, whosoever it is`;
    },
  },
];
