/** What a model test found, as a person reads it: what the server offers, every transition, and what is wrong. */
import { styleText } from 'node:util';
import type { Feature, ModelTestReport, ReportedViolation, TransitionVerdict } from '../testing/index.ts';
import { formatDuration, plural, printable } from './wording.ts';

/** In the order of the table: what matters most stands last, where a person looks first. */
const VERDICTS = ['covered', 'not driven', 'not reached', 'violated'] as const;

const COLOURS = { covered: 'green', violated: 'red', 'not reached': 'yellow', 'not driven': 'gray' } as const;

/** The whole report, as lines. */
export function renderReport(report: ModelTestReport, { colour }: { readonly colour: boolean }): string {
  const paint = (verdict: TransitionVerdict['verdict'], text: string) =>
    colour ? styleText(COLOURS[verdict], text, { validateStream: false }) : text;
  const { violations, notes, paths, took } = report;
  return [
    ...facts(report),
    '',
    ...table(report.transitions, paint),
    '',
    ...(violations.length === 0 ? [] : [`${plural(violations.length, 'rule')} broken`, '']),
    ...violations.flatMap((violation) => [...details(violation), '']),
    ...(notes.length === 0 ? [] : ['The protocol leaves it open, and this server is not as the model:', '']),
    ...notes.flatMap((note) => [...details(note), '']),
    ...slips(report),
    `${paint(violations.length === 0 ? 'covered' : 'violated', violations.length === 0 ? 'Nothing is wrong' : `${plural(violations.length, 'violation')}`)}, by ${plural(paths, 'path')} in ${formatDuration(took)}.`,
    '',
  ].join('\n');
}

function facts({ url, server, protocolVersion, idleTimeout, features, ...report }: ModelTestReport): string[] {
  const { streams, deletes, longCall } = features;
  const seed = report.seed === null ? '' : `, seed ${report.seed}`;
  return [
    `Model test of ${printable(url)}: ${printable(`${server.name} ${server.version}`)}`,
    `  protocol      ${printable(protocolVersion)}`,
    `  coverage      ${report.coverage}${seed}${report.strict ? ', strict' : ''}`,
    `  idle timeout  ${idleTimeout === null ? 'not told (--idle-timeout)' : formatDuration(idleTimeout)}`,
    `  GET streams   ${offered(streams)}`,
    `  DELETE        ${offered(deletes)}`,
    `  long call     ${offered(longCall)}`,
  ];
}

function offered(feature: Feature | Feature<string>): string {
  if (feature.driven === false) return `not driven: ${printable(feature.why)}`;
  return feature.driven === true ? 'driven' : printable(feature.driven);
}

function table(
  transitions: readonly TransitionVerdict[],
  paint: (verdict: TransitionVerdict['verdict'], text: string) => string,
): string[] {
  const width = Math.max(...transitions.map(({ transition }) => transition.length));
  const sorted = VERDICTS.flatMap((verdict) => transitions.filter((one) => one.verdict === verdict));
  const rows = sorted.map(({ transition, verdict, why, rules }) => {
    const more = why ?? rules?.join(', ');
    return `  ${transition.padEnd(width)}  ${paint(verdict, verdict)}${more === undefined ? '' : `: ${printable(more)}`}`;
  });
  const counts = VERDICTS.map((verdict) => {
    return `${transitions.filter((one) => one.verdict === verdict).length} ${verdict}`;
  });
  return [...rows, '', `${plural(transitions.length, 'transition')}: ${counts.join(', ')}`];
}

function details({ rule, says, source, force, got, actions }: ReportedViolation): string[] {
  return [
    `  ${says} (${rule})`,
    `    ${source === undefined ? 'the session model' : `${force === undefined ? 'see' : `the protocol, ${force}:`} ${source}`}`,
    `    got     ${printable(got)}`,
    ...actions.map((action, index) => `    ${index === 0 ? 'script' : '      '}  ${index + 1}. ${printable(action)}`),
  ];
}

function slips({ slipped }: ModelTestReport): string[] {
  if (slipped === 0) return [];
  return [
    `${plural(slipped, 'walk')} left out: this machine or the server was too slow for the idle timeout. A lower --concurrency or a longer timeout helps.`,
    '',
  ];
}
