/** The table of cases as Markdown: a summary, and a row for each case with what each did. */
import type { Case } from './caseKind.ts';
import type { Gateway } from './gateways.ts';

export type Verdict = 'right' | 'wrong' | 'does not apply';

export interface Finding {
  readonly verdict: Verdict;
  /** What was seen, or why it does not apply. */
  readonly text: string;
}

export interface Tested {
  readonly gateway: Gateway;
  readonly version: string;
  readonly node: string;
  /** By the number of the case. */
  readonly findings: ReadonlyMap<number, Finding>;
}

export function toMarkdown(cases: readonly Case[], tested: readonly Tested[], day: string): string {
  const judged = cases.filter(({ judge }) => typeof judge !== 'string').length;
  return [
    '# Servers on stdio behind HTTP: a table of cases',
    '',
    `Written by \`npm run peers:stdio\` on ${day}; not to be edited by hand. What serves a command on stdio over Streamable`,
    'HTTP is started as its documentation recommends, each time as a process of its own, with the same small server behind',
    'it that misbehaves on request (`bench/peers/servers/nasty.js` of the repository). A client by hand and `/proc` tell what',
    `came of it. There are ${cases.length} cases; ${judged} can be judged from outside. They are what goes wrong with processes behind`,
    'HTTP as we see it, so the table shows where these differ, not which is better for you: mcp-proxy serves all sessions',
    'with one process, by design, and is judged by what that process and its clients are owed.',
    'How long is too long, and how much memory too much, is our choice; the cases in',
    '`bench/stdioReport` say where. One run on a busy machine: times are for orientation.',
    '',
    ...summary(tested),
    '',
    ...['Start', 'Framing', 'Ids', 'Flow', 'End', 'After SIGKILL', 'Restart', 'Warm', 'Environment', 'Many'].flatMap(
      (part) =>
        section(
          part,
          cases.filter((one) => one.part === part),
          tested,
        ),
    ),
  ].join('\n');
}

const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;

function summary(tested: readonly Tested[]): string[] {
  const rows = tested.map(({ gateway, version, node, findings }) => {
    const count = (verdict: Verdict) => [...findings.values()].filter((finding) => finding.verdict === verdict).length;
    const counts = [count('right'), count('wrong'), count('does not apply')];
    return line([version, `Node ${node}`, ...counts, gateway.served]);
  });
  const heads = ['version', 'on', 'right', 'wrong', 'does not apply', 'how it is served'];
  return [line(heads), line(['---', '---', '--:', '--:', '--:', '---']), ...rows];
}

function section(part: string, cases: readonly Case[], tested: readonly Tested[]): string[] {
  const heads = ['', 'what should be', ...tested.map(({ gateway }) => gateway.name)];
  const rows = cases.flatMap(({ number, says, judge }) => {
    const unjudged = typeof judge === 'string' ? `can’t be judged from outside: ${judge}` : undefined;
    const cells = tested.map(({ findings }) => cellOf(findings.get(number)));
    if (unjudged === undefined && cells.every((text) => text === '')) return [];
    return line([number, cell(says), ...(unjudged === undefined ? cells : [unjudged, ...cells.slice(1)])]);
  });
  if (rows.length === 0) return [];
  return [`## ${part}`, '', line(heads), line(heads.map(() => '---')), ...rows, ''];
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/\s+/g, ' ');

function cellOf(finding: Finding | undefined): string {
  if (finding === undefined) return '';
  const { verdict, text } = finding;
  const shown = verdict === 'wrong' ? '**wrong**' : verdict;
  return text === '' ? shown : `${shown}: ${cell(text)}`;
}
