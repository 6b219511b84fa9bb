/** What can happen in a simulated cluster. */
import type { ClusterWorld } from './clusterWorld.ts';
import type { Known, What } from './known.ts';
import { PRINCIPALS, type SimulatedNode } from './simulatedNode.ts';
import { FAIR, type Numbers, type Weather } from './ways.ts';

type Command = readonly [weight: number, run: () => void];

/** After so many ms a connection that is cut is given up. */
const GIVEN_UP_AFTER = 15_000;

const CALLS: readonly What[] = ['add', 'add', 'add', 'read', 'read', 'add slowly', 'tell'];
/** Longer than anybody waits. */
const LONG = 50_000;
const SPANS = [200, 900, 3_000, 5_500, 8_000, 20_000];

export function draw(commands: readonly Command[], numbers: Numbers): () => void {
  let left = numbers() * commands.reduce((sum, [weight]) => sum + weight, 0);
  const command = commands.find(([weight]) => {
    left -= weight;
    return left < 0;
  });
  return command?.[1] ?? (() => {});
}

export function clusterCommands(world: ClusterWorld): readonly Command[] {
  const { numbers, settings } = world;
  const upTo = (bound: number) => Math.floor(numbers() * bound);
  const pick = <T>(all: readonly T[]): T | undefined => all[upTo(all.length)];
  const someone = () => upTo(PRINCIPALS.length);
  const up = () => pick(world.nodes.filter(({ isUp }) => isUp));
  /** Mostly one that goes on. */
  const session = () => {
    const { sessions } = world.judge;
    return pick(upTo(5) === 0 ? sessions : sessions.filter(({ ending }) => !ending).slice(-5));
  };
  const at = (run: (node: SimulatedNode) => void) => () => {
    const node = up();
    if (node !== undefined) run(node);
  };
  const about = (run: (node: SimulatedNode, known: Known) => void) =>
    at((node) => {
      const known = session();
      if (known !== undefined) run(node, known);
    });
  const clients: readonly Command[] = [
    [5, at((node) => world.ask(node, someone(), 'initialize'))],
    [20, about((node, known) => world.ask(node, known.owner, pick(CALLS) ?? 'add', known))],
    [
      4, // a few at once
      about((node, known) => {
        for (let n = 0; n < 3; n++) world.ask(up() ?? node, known.owner, pick(CALLS) ?? 'add', known);
      }),
    ],
    [2, about((node, known) => world.ask(node, known.owner, 'listen', known))],
    [1, about((node, known) => world.ask(node, someone(), pick(CALLS) ?? 'read', known))],
    [1, about((node, known) => world.ask(node, known.owner, 'delete', known))],
    [0.4, about((node, known) => world.terminate(node, known))],
    [
      2,
      () => {
        const asked = pick([...world.clients.open]);
        if (asked !== undefined) world.clients.hangUp(asked);
      },
    ],
    [
      3,
      at((node) => {
        const asked = pick(world.resumable.filter(({ known }) => known?.ending === false).slice(-6));
        if (asked !== undefined) world.ask(node, asked.client, 'resume', asked.known, asked);
      }),
    ],
  ];
  const drains: readonly Command[] = [
    [
      1.2,
      () => {
        // Rolling: one at a time, as long as there is another.
        const isRolling = world.nodes.some(({ draining, process }) => draining && !process.dead);
        const node = pick(world.nodes.filter(({ isUp, draining }) => isUp && !draining));
        if (node === undefined || isRolling || world.nodes.filter(({ isUp }) => isUp).length < 2) return;
        // While its calls go on, it is asked for what it has handed over by then.
        const busy = upTo(2) === 0 ? undefined : session();
        if (busy !== undefined) world.ask(node, busy.owner, 'add slowly', busy);
        world.note(`${node.name} drains`);
        world.time.after(5, () => {
          const others = world.nodes.filter(({ isUp, draining }) => isUp && !draining);
          if (node.isUp && others.length > 1) node.drain();
        });
        for (let n = upTo(4); n > 0; n--) {
          const known = session();
          if (known !== undefined) world.askLater(upTo(2_500), node, known, pick(CALLS) ?? 'add');
        }
      },
    ],
    [
      3,
      () => {
        const node = pick(world.nodes.filter(({ drained, process }) => drained || process.dead));
        if (node !== undefined) world.restart(node);
      },
    ],
  ];
  const kills: readonly Command[] = [
    [0.5, at((node) => world.kill(node))],
    [
      1.5, // in the midst of a call, or of what is asked for then
      about((node, known) => {
        const victim = up();
        if (victim === undefined || world.nodes.filter(({ isUp }) => isUp).length < 2) return;
        world.ask(node, known.owner, pick(CALLS) ?? 'add', known);
        world.time.after(upTo(3) === 0 ? upTo(2_500) : upTo(16), () => {
          if (victim.isUp) world.kill(victim);
        });
        for (const other of world.nodes) {
          if (other !== victim) world.askLater(20 + upTo(4_000), other, known, upTo(6) === 0 ? 'delete' : 'add');
        }
      }),
    ],
  ];
  const storms = stormsOf(world, upTo, pick);
  return [
    ...clients,
    ...drains,
    ...(settings.trouble === 'drains' ? [] : kills),
    ...(settings.trouble === 'storms' ? storms : []),
  ];
}

function stormsOf(
  world: ClusterWorld,
  upTo: (bound: number) => number,
  pick: <T>(all: readonly T[]) => T | undefined,
): readonly Command[] {
  const span = () => pick(SPANS) ?? 1;
  const alive = () => pick(world.nodes.filter(({ process }) => !process.dead));
  const weathers: readonly [name: string, Partial<Weather>][] = [
    ['is cut', { there: false }],
    ['brings nothing back', { back: false }],
    ['is slow', { slow: true }],
    ['loses some', { loses: 0.3 }],
  ];
  return [
    [1, () => pause(world, alive(), span(), upTo(2) === 0)],
    [
      2, // in the midst of a call
      () => {
        const known = pick(world.judge.sessions.filter(({ ending }) => !ending).slice(-5));
        const owner = known && world.ownerOf(known.id);
        const node = upTo(3) > 0 ? owner : pick(world.nodes.filter(({ isUp }) => isUp));
        if (node === undefined || known === undefined) return;
        for (const other of world.nodes) {
          if (other.isUp) world.ask(other, known.owner, upTo(2) === 0 ? 'add slowly' : (pick(CALLS) ?? 'add'), known);
        }
        const [ms, timersFirst] = [span(), upTo(2) === 0];
        world.time.after(upTo(2) === 0 ? upTo(8) : upTo(2_500), () => pause(world, node, ms, timersFirst));
        for (const other of world.nodes) if (other !== node) world.askLater(ms - upTo(2_000), other, known, 'add');
      },
    ],
    [
      2.5,
      () => {
        const node = alive();
        const to = pick(['store', 'directory', 'events'] as const) ?? 'store';
        const [how, weather] = pick(weathers) ?? ['', {}];
        if (node === undefined) return;
        const way = node.ways[to];
        way.weather = { ...FAIR, ...weather };
        world.disturb(`the way of ${node.name} to the ${to} ${how}`, span(), () => {
          way.weather = { ...FAIR };
        });
      },
    ],
    [
      1,
      () => {
        const to = pick(['store', 'directory'] as const) ?? 'store';
        const all = world.nodes.map(({ ways }) => ways[to]);
        for (const way of all) way.weather = { ...FAIR, there: false };
        for (const known of world.judge.sessions.slice(-6)) {
          const node = alive();
          if (node !== undefined) world.askLater(upTo(3_000), node, known, 'read');
        }
        world.disturb(`the ${to} is away`, pick([...SPANS, LONG, LONG]) ?? LONG, () => {
          for (const way of all) way.weather = { ...FAIR };
        });
      },
    ],
    [2, () => partition(world, alive(), alive(), upTo(3), span())],
    [
      2,
      () => {
        const wire = pick([...world.network.wires]);
        if (wire === undefined) return;
        world.note(`a request of ${wire.from.name} at ${wire.to.name} breaks`);
        world.disturbances.last(0);
        wire.break();
      },
    ],
    [
      0.5,
      () => {
        const lost = pick([Number.POSITIVE_INFINITY, 1_000, 4_000]) ?? 1_000;
        world.note(
          `the directory fails over, and has lost ${lost === Number.POSITIVE_INFINITY ? 'all' : `${lost} ms`}`,
        );
        world.disturbances.last(2 * world.settings.leaseTime);
        void world.directory.failOver(lost);
      },
    ],
  ];
}

function pause(world: ClusterWorld, node: SimulatedNode | undefined, ms: number, timersFirst: boolean): void {
  if (node === undefined || node.process.dead || node.pausedSince !== undefined) return;
  node.pause();
  world.disturb(`${node.name} stands still`, ms, () => node.wake(timersFirst));
}

/** From one to the other the way is cut, or both ways, or it is slow. */
function partition(
  world: ClusterWorld,
  one: SimulatedNode | undefined,
  other: SimulatedNode | undefined,
  how: number,
  ms: number,
): void {
  if (one === undefined || other === undefined || one === other) return;
  const { network, time } = world;
  const ways = [`${one.name}>${other.name}`];
  if (how === 0) ways.push(`${other.name}>${one.name}`);
  const set = how === 2 ? network.slow : network.cut;
  for (const way of ways) set.add(way);
  world.disturb(`${ways.join(' and ')} ${how === 2 ? 'is slow' : 'is cut'}`, ms, () => {
    for (const way of ways) set.delete(way);
  });
  if (how === 2) return;
  time.after(GIVEN_UP_AFTER, () => {
    for (const wire of [...network.wires]) {
      if (network.isCut(wire.from, wire.to) || network.isCut(wire.to, wire.from)) wire.break();
    }
  });
}
