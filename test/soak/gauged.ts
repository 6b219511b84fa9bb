/** The command as a process that says what it holds: files, what keeps its event loop alive, listeners, memory. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuiltCommand, type Running, start } from '../cli/command.ts';
import { until } from '../support/until.ts';

const GAUGE = fileURLToPath(new URL('./fixtures/gauge.js', import.meta.url));
/** A start, a gauge, or what is awaited in one, where others are busy, in ms. */
const WITHIN = 20_000;

/** One timer may be there or not, whoever comes: it looks for sessions without a process whose time is over. */
const OWN_TIMERS = 1;

export interface Gauge {
  /** Open file descriptors. */
  readonly files: number;
  /** What keeps the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Listeners of `process`. */
  readonly listeners: number;
  /** In bytes, after a garbage collection. */
  readonly rss: number;
  readonly heapUsed: number;
}

/** The same command, which can be gauged. */
export function gaugedCommand(command: BuiltCommand): BuiltCommand {
  return {
    directory: '',
    importUrl: (file) => command.importUrl(file),
    module: (name, source) => command.module(name, source),
    run: (args, options) => {
      const main = fileURLToPath(command.importUrl('cli/main.js'));
      return start(process.execPath, ['--expose-gc', '--import', pathToFileURL(GAUGE).href, main, ...args], options);
    },
  };
}

/** What the command holds now. */
async function gauge(running: Running): Promise<Gauge> {
  const told = () =>
    running.stderr
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('gauge '));
  const before = told().length;
  running.kill('SIGUSR2');
  await until(() => told().length > before, { within: WITHIN, what: 'the gauge' });
  return JSON.parse(told().at(-1)?.slice('gauge '.length) ?? '') as Gauge;
}

/** Waits until connections that nobody uses are closed, and no session has a timer; resolves to what the command holds then. */
export async function gaugedIdle(running: Running): Promise<Gauge> {
  let last: Gauge | undefined;
  const idle = async () => {
    last = await gauge(running);
    const { TCPSocketWrap = 0, Timeout = 0 } = last.resources;
    return TCPSocketWrap === 0 && Timeout <= OWN_TIMERS && last;
  };
  return until(idle, { within: 2 * WITHIN, what: 'connections and timers to be gone' }).catch((error: Error) => {
    throw new Error(`${error.message}; the command holds ${JSON.stringify(last)}`);
  });
}

/** Waits until the command holds as many files, resources and listeners as it did; resolves to all that it holds then. */
export async function gaugedAs(running: Running, { files, resources, listeners }: Gauge): Promise<Gauge> {
  const wanted = JSON.stringify([files, sorted(resources), listeners]);
  let last: Gauge | undefined;
  await until(
    async () => {
      last = await gauge(running);
      return JSON.stringify([last.files, sorted(last.resources), last.listeners]) === wanted;
    },
    { within: WITHIN, what: 'the command to hold what it did before' },
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${wanted}; it holds ${JSON.stringify(last)}`);
  });
  return last as Gauge;
}

function sorted(resources: Readonly<Record<string, number>>): [string, number][] {
  const { Immediate: _, Timeout = 0, ...others } = resources; // an immediate is the gauge's own
  const all = { ...others, Timeout: Math.max(Timeout, OWN_TIMERS) };
  return Object.entries(all).sort(([one], [other]) => (one < other ? -1 : 1));
}
