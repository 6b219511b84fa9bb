/** The bench's command: runs the measures, prints the table, and fails when a promised ratio is missed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CONTENDERS, type ContenderName } from './contenders.ts';
import { facts } from './facts.ts';
import { CLUSTERED, HANDED_OVER, measureCluster, TAKEN_OVER } from './measures/cluster.ts';
import { measureCrowds } from './measures/crowd.ts';
import { measureIdleSession } from './measures/idleSession.ts';
import { FROZEN, INSPECTED, measureInspector } from './measures/inspector.ts';
import { type Around, measureEcho, measureHandshake, measureModern, measureRestore } from './measures/requests.ts';
import { measureCalls, measureStdio, STDIO, WARM } from './measures/stdio.ts';
import { installPeers } from './peerReport/installed.ts';
import {
  comparisons,
  type Effort,
  FIVE_SECONDS,
  FULL,
  IDLE_CONTENDERS,
  MEASURES,
  type MeasureName,
  MODERN_CONTENDERS,
  ONE_MILLISECOND,
  QUICK,
  REQUEST_CONTENDERS,
  SOON,
  STATEFUL_CONTENDERS,
  WEIGHT,
} from './plan.ts';
import { profileText, summarize } from './profile.ts';
import { evaluate, type Measured, markdownTable, plainTable, rows } from './report.ts';
import { ROOT } from './root.ts';

const USAGE = `npm run bench -- [--quick] [--only ${MEASURES.join(',')}] [--write] [--profile]`;
const PROFILES = new URL('.artifacts/profiles/', ROOT);
/** Operations in a profile: enough samples, and fewer sessions than a supervisor admits. */
const PROFILED = { echo: 40_000, handshake: 8_000, modern: 20_000, stdio: 40_000 };
const RESULTS = new URL('bench/RESULTS.md', ROOT);

/** Who is called what is shown. */
const SAY_THEMSELVES: readonly string[] = [
  ...[FROZEN, ONE_MILLISECOND, WEIGHT, SOON, FIVE_SECONDS, WARM, TAKEN_OVER, HANDED_OVER],
  ...[...INSPECTED, ...STDIO, ...CLUSTERED],
];

function nameOf(name: string): string {
  if (name in CONTENDERS) return CONTENDERS[name as ContenderName].label;
  if (SAY_THEMSELVES.includes(name)) return name;
  return `among ${Number(name).toLocaleString('en').replaceAll(',', ' ')}`;
}

/** What does not change, as if it were measured in every round. */
function always(length: number, value: number): readonly number[] {
  return Array.from({ length }, () => value);
}

async function measure(name: MeasureName, effort: Effort): Promise<Measured> {
  if (name === 'echo') {
    const { cpu, rate } = await measureEcho(REQUEST_CONTENDERS, effort.echo);
    return { 'echo.cpu': cpu, 'echo.rate': rate };
  }
  if (name === 'handshake') {
    const { cpu, rate } = await measureHandshake(REQUEST_CONTENDERS, effort.handshake);
    return { 'handshake.cpu': cpu, 'handshake.rate': rate };
  }
  if (name === 'modern') {
    const { cpu, rate } = await measureModern(MODERN_CONTENDERS, effort.echo);
    return { 'modern.cpu': cpu, 'modern.rate': rate };
  }
  if (name === 'idle') {
    const { heap, rss } = await measureIdleSession(IDLE_CONTENDERS, effort.idle);
    return { 'idle.heap': heap, 'idle.rss': rss };
  }
  if (name === 'inspector') {
    const { cpu, rate, held } = await measureInspector(effort.inspector);
    return { 'inspector.cpu': cpu, 'inspector.rate': rate, 'inspector.held': held };
  }
  if (name === 'durable') {
    const state = await measureEcho(STATEFUL_CONTENDERS, effort.durable, undefined, 'remember');
    const restore = await measureRestore(['statefulDurable'], effort.restore);
    const millisecond = always(effort.restore.rounds, 1_000);
    return { 'state.cpu': state.cpu, 'restore.cpu': new Map([...restore.cpu, [ONE_MILLISECOND, millisecond]]) };
  }
  if (name === 'stdio') {
    await installPeers();
    const { cpu, rate, rss, start } = await measureStdio(effort.stdio);
    const { weighings, starts } = effort.stdio;
    return {
      'stdio.cpu': cpu,
      'stdio.rate': rate,
      'stdio.rss': new Map<string, readonly number[]>([...rss, [WEIGHT, always(weighings, 120_000)]]),
      'stdio.start': new Map([...start, [SOON, always(starts, 50)]]),
    };
  }
  if (name === 'cluster') {
    const { cpu, takeover, handover } = await measureCluster(effort.cluster);
    const { takeovers, handovers } = effort.cluster;
    return {
      'cluster.cpu': cpu,
      'cluster.takeover': new Map([...takeover, [SOON, always(takeovers, 50)]]),
      'cluster.handover': new Map([...handover, [FIVE_SECONDS, always(handovers, 5_000)]]),
    };
  }
  const { open, use, end, endAny } = await measureCrowds(Object.values(effort.crowds), effort.crowd);
  return { 'crowd.open': open, 'crowd.use': use, 'crowd.end': end, 'crowd.endAny': endAny };
}

async function compare(names: readonly MeasureName[], effort: Effort, write: boolean): Promise<boolean> {
  let measured: Measured = {};
  for (const name of names) {
    console.error(`measuring: ${name}`);
    measured = { ...measured, ...(await measure(name, effort)) };
  }
  const results = evaluate(comparisons(effort), measured);
  const table = rows(results, nameOf);
  const about = await facts(effort.name);
  console.log(['', ...about, '', plainTable(table), ''].join('\n'));
  const missed = results.filter(({ verdict }) => verdict === 'MISSED').length;
  console.log(missed === 0 ? 'Every target was met.' : `Targets missed: ${missed}.`);
  if (write) {
    const head = '# Results\n\nWritten by `npm run bench -- --write`; [README.md](README.md) says how to read them.';
    await writeFile(RESULTS, `${head}\n\n${about.map((fact) => `- ${fact}`).join('\n')}\n\n${markdownTable(table)}\n`);
  }
  return missed === 0;
}

/** Profiles the servers under the load of requests instead of comparing them: a profiler distorts every ratio. */
async function profile(names: readonly MeasureName[], effort: Effort): Promise<void> {
  await mkdir(PROFILES, { recursive: true });
  if (names.includes('stdio')) await profileStdio(effort.stdio);
  const measures = { echo: measureEcho, handshake: measureHandshake, modern: measureModern };
  for (const name of ['echo', 'handshake', 'modern'] as const) {
    if (!names.includes(name)) continue;
    const fileOf = (contender: ContenderName) => new URL(`${name}-${contender}.cpuprofile`, PROFILES);
    const around: Around = async (contender, server, batch) => {
      await server.ask('startProfile');
      const timed = await batch();
      await server.ask('stopProfile', { file: fileURLToPath(fileOf(contender)) });
      return timed;
    };
    const { warmUp } = effort[name === 'modern' ? 'echo' : name];
    const contenders = name === 'modern' ? MODERN_CONTENDERS : REQUEST_CONTENDERS;
    await measures[name](contenders, { rounds: 1, batch: PROFILED[name], warmUp }, around);
    for (const contender of contenders) {
      console.log(profileText(`${name}: ${nameOf(contender)}`, await summarize(fileOf(contender))));
    }
  }
}

/** Ours before a server on stdio; the profile has its start in it too. */
async function profileStdio({ warmUp }: Effort['stdio']): Promise<void> {
  const file = 'stdio-supervisor.cpuprofile';
  const flags = ['--cpu-prof', `--cpu-prof-dir=${fileURLToPath(PROFILES)}`, `--cpu-prof-name=${file}`];
  await measureCalls(['mcp-session-supervisor'], { rounds: 1, batch: PROFILED.stdio, warmUp }, flags);
  console.log(profileText('stdio: mcp-session-supervisor', await summarize(new URL(file, PROFILES))));
}

function readCommandLine() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        only: { type: 'string', default: MEASURES.join(',') },
      },
    });
    const only = values.only.split(',');
    const unknown = only.find((name) => !(MEASURES as readonly string[]).includes(name));
    if (unknown !== undefined) throw new Error(`there is no measure ${unknown}`);
    if (values.write && (values.profile || only.length < MEASURES.length)) {
      throw new Error('--write records whole runs only');
    }
    return { ...values, only: only as MeasureName[] };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return process.exit(2);
  }
}

const line = readCommandLine();
const effort = line.quick ? QUICK : FULL;
if (line.profile) await profile(line.only, effort);
else if (!(await compare(line.only, effort, line.write))) process.exitCode = 1;
