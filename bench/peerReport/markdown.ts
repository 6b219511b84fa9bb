/** The report as Markdown: a table of all, then each peer with what was driven, what is wrong, and how to see it. */
import type { Feature, ModelTestReport, ReportedViolation } from 'mcp-session-supervisor/testing';
import type { Peer } from './peers.ts';

export interface Tested {
  readonly peer: Peer;
  /** `name version` of each package. */
  readonly versions: readonly string[];
  /** Of the Node that it ran on. */
  readonly node: string;
  readonly report: ModelTestReport;
}

export function toMarkdown(tested: readonly Tested[], day: string): string {
  return [
    '# Model test report',
    '',
    `Written by \`npm run peers\` on ${day}; not to be edited by hand. It runs \`mcp-session-supervisor model-test\` on`,
    'servers of MCP sessions over Streamable HTTP, each as its users run it, with a tool that lasts as long as it is asked',
    'to. They are in `bench/peers` of the repository. What the protocol leaves open is no violation: it is listed apart,',
    'where a server differs from the [session model](../ARCHITECTURE.md). What a server does not offer is not tested.',
    '',
    ...table(tested),
    '',
    ...tested.flatMap(section),
    '## Reading this',
    '',
    'A script is what a client does, in one session, each request with the status that it got. "POST", "GET" and',
    '"DELETE" go to the MCP endpoint with the session\'s id; a call is `tools/call` with these arguments. *Covered* are the',
    'transitions of the session model that were taken and found right; a transition is *not reached* where every way to it',
    'goes through a violation.',
    '',
  ].join('\n');
}

function table(tested: readonly Tested[]): string[] {
  const rows = tested.map(({ peer, versions, report }) => {
    const { transitions, violations, notes } = report;
    const count = (verdict: string) => transitions.filter((one) => one.verdict === verdict).length;
    const counts = ['covered', 'not driven', 'not reached', 'violated'].map((verdict) => count(verdict));
    const link = `[${peer.name}](#${anchor(peer.name)})`;
    return [link, versions[0] ?? '', ...counts, violations.length, notes.length];
  });
  const heads = ['server', 'version', 'covered', 'not driven', 'not reached', 'violated', 'rules broken', 'differs'];
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(['---', '---', ...heads.slice(2).map(() => '--:')]), ...rows.map(line)];
}

/** As GitHub makes it of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

function section({ peer, versions, node, report }: Tested): string[] {
  const { features, idleTimeout, violations, notes } = report;
  return [
    `## ${peer.name}`,
    '',
    peer.served,
    '',
    `- ${[...versions, `Node ${node}`].join(', ')}; protocol ${report.protocolVersion}`,
    `- idle timeout: ${idleTimeout === null ? 'none to test' : `${idleTimeout} ms`}`,
    `- GET streams: ${offered(features.streams)}; DELETE: ${offered(features.deletes)}`,
    `- a call that lasts: ${offered(features.longCall)}`,
    ...undriven(report),
    ...(report.slipped === 0 ? [] : [`- ${report.slipped} walks left out: the machine was too slow for their timing`]),
    '',
    ...(violations.length === 0 ? ['Nothing is wrong.', ''] : violations.flatMap((one) => details(one))),
    ...(notes.length === 0 ? [] : ['**Left open by the protocol, and not as in the model:**', '']),
    ...notes.flatMap((one) => details(one)),
  ];
}

function offered(feature: Feature | Feature<string>): string {
  if (feature.driven === false) return `not driven: ${feature.why}`;
  return feature.driven === true ? 'driven' : `\`${feature.driven}\``;
}

/** How many transitions were not driven, by why. */
function undriven({ transitions, idleTimeout }: ModelTestReport): string[] {
  const reasons = new Map<string, number>();
  for (const { verdict, why = '' } of transitions) {
    if (verdict !== 'not driven') continue;
    const reason = idleTimeout === null && why.includes('idle timeout') ? 'there is no idle timeout to test' : why;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (reasons.size === 0) return [];
  const told = [...reasons].map(([why, count]) => `${count} (${why})`);
  return [`- transitions not driven: ${told.join(', ')}`];
}

function details({ rule, says, source, force, got, actions }: ReportedViolation): string[] {
  const where = source === undefined ? 'the session model' : `[the protocol](${source})${force ? `, ${force}` : ''}`;
  return [
    `**${says}** (\`${rule}\`, ${where})`,
    '',
    ...actions.map((action, index) => `${index + 1}. ${code(action)}`),
    '',
    `Got: ${code(got)}`,
    '',
  ];
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}
