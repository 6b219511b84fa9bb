/** What a restart test found, as a person reads it: a table of what survives, and what is lost. */
import { styleText } from 'node:util';
import type { RestartReport, RestartRow } from '../testing/index.ts';
import { formatDuration, printable } from './wording.ts';

const COLOURS = { survives: 'green', lost: 'yellow', wrong: 'red', 'not tried': 'gray' } as const;

/** The whole report, as lines. */
export function renderRestartReport(report: RestartReport, { colour }: { readonly colour: boolean }): string {
  const { url, server, down, rows } = report;
  const paint = (verdict: RestartRow['verdict'], text: string) =>
    colour ? styleText(COLOURS[verdict], text, { validateStream: false }) : text;
  const width = Math.max(...rows.map(({ what }) => what.length));
  const count = (verdict: RestartRow['verdict']) => rows.filter((row) => row.verdict === verdict).length;
  return [
    `Restart test of ${printable(url)}: ${printable(`${server.name} ${server.version}`)}`,
    `  killed and started again within ${formatDuration(down)}`,
    '',
    ...rows.map(
      ({ what, verdict, got }) =>
        `  ${what.padEnd(width)}  ${paint(verdict, verdict.padEnd('not tried'.length))}  ${printable(got, 120)}`,
    ),
    '',
    `${count('survives')} survive, ${count('lost')} lost, ${count('wrong')} wrong, ${count('not tried')} not tried.`,
    '',
  ].join('\n');
}
