/** The dashboard, the alerts and their page: each metric, label and value in them is one of the table of metrics. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { FLAGS } from '../../src/cli/flags.ts';
import { REFUSAL_NAMES } from '../../src/errors.ts';
import { END_REASONS } from '../../src/machines/reasons.ts';
import { LOG_EVENTS } from '../../src/options/logEvents.ts';
import { prometheusName } from '../../src/telemetry/exposition.ts';
import type { LabelValues } from '../../src/telemetry/metric.ts';
import { READ_METRICS } from '../../src/telemetry/readMetrics.ts';
import { TIMED_METRICS } from '../../src/telemetry/timedMetrics.ts';

/** Flags of Docker, Node and nginx that the pages speak of. */
const OTHERS = ['--init', '--max-old-space-size', '--pids-limit', '--stop-timeout', '--ulimit'];

const DOCS = new URL('../../docs/', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, DOCS), 'utf8');

interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Variable {
  readonly type: string;
  readonly definition?: string;
}

const dashboard = JSON.parse(read('operations/dashboard.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const { groups } = parse(read('operations/alerts.yml')) as { readonly groups: readonly { rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

type Labels = Readonly<Record<string, LabelValues>>;

/** Its labels as Prometheus has them. */
function labelsOf({ labels }: { readonly labels: Labels }): Labels {
  return Object.fromEntries(Object.entries(labels).map(([label, values]) => [label.replaceAll('.', '_'), values]));
}

const METRICS = new Map<string, Labels>([
  // What Prometheus itself knows of whom it scrapes.
  ['up', {}],
  ...READ_METRICS.map((metric) => [prometheusName(metric), labelsOf(metric)] as const),
  ...TIMED_METRICS.flatMap((metric) =>
    ['bucket', 'sum', 'count'].map((series) => [`${prometheusName(metric)}_${series}`, labelsOf(metric)] as const),
  ),
]);

/** What Prometheus adds to each series. */
const ADDED = ['instance', 'job', 'le'];

const BY = /\bby \(([^)]*)\)/g;

/** What is wrong with the names in an expression: nothing, mostly. */
function wrongIn(expr: string): string[] {
  const wrong: string[] = [];
  for (const [, name = '', selectors = ''] of expr.replaceAll(BY, '').matchAll(/\b(up|mcp_\w+)\b(?:\{([^}]*)\})?/g)) {
    const labels = METRICS.get(name);
    if (labels === undefined) wrong.push(name);
    for (const [, label = '', operator = '', text = ''] of selectors.matchAll(/(\w+)\s*(=~|!=|=)\s*"([^"]*)"/g)) {
      if (ADDED.includes(label)) continue;
      const values = labels?.[label];
      if (values === undefined) wrong.push(`${name}{${label}}`);
      else if (typeof values !== 'string') {
        // Not to be nothing is to have any.
        if (text === '') continue;
        const given = operator === '=~' ? text.split('|') : [text];
        wrong.push(...given.filter((value) => !values.includes(value)).map((value) => `${name}{${label}="${value}"}`));
      }
    }
  }
  for (const [, list = ''] of expr.matchAll(BY)) {
    const known = [...ADDED, ...[...METRICS.values()].flatMap(Object.keys)];
    wrong.push(...list.split(/,\s*/).filter((label) => !known.includes(label)));
  }
  return wrong;
}

const expressions = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [`panel ${title}`, expr] as const),
  ),
  ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ...dashboard.templating.list.flatMap(({ definition }) => (definition ? [['variable', definition] as const] : [])),
];

test.each(expressions)('%s: %s asks for what there is', (_, expr) => {
  expect(expr).toMatch(/\bup\b|mcp_/);
  expect(wrongIn(expr)).toEqual([]);
});

test('a name, a label or a value that there is not would be told', () => {
  const expr =
    'sum by (nobody) (mcp_sessions) + mcp_supervisor_sessions{mood="idle"} + mcp_supervisor_sessions{state=~"idle|tired"}';
  expect(wrongIn(expr)).toEqual([
    'mcp_sessions',
    'mcp_supervisor_sessions{mood}',
    'mcp_supervisor_sessions{state="tired"}',
    'nobody',
  ]);
});

describe('the dashboard', () => {
  test('shows every metric of the table but five', () => {
    const shown = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
    const names = [...READ_METRICS, ...TIMED_METRICS].map(prometheusName);
    expect(names.filter((name) => !shown.includes(name))).toEqual([
      // Sessions that were opened, and brought back, are shown each by itself.
      'mcp_supervisor_epochs_total',
      // Of the event store in memory, which has a bound.
      'mcp_supervisor_event_store_bytes',
      'mcp_supervisor_handle_opened_total',
      'mcp_supervisor_handle_ended_total',
      // The same with bounds that reach no further than five minutes.
      'mcp_server_session_duration_seconds',
    ]);
  });

  test('says of each panel what it shows, and has a place for each', () => {
    const panels = dashboard.panels.filter(({ type }) => type !== 'row');
    expect(panels.filter(({ description = '' }) => description === '').map(({ title }) => title)).toEqual([]);
    const overlapping = panels.filter(({ gridPos: a }, n) =>
      panels.some(
        ({ gridPos: b }, m) => n < m && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
      ),
    );
    expect(overlapping.map(({ title }) => title)).toEqual([]);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});

describe('the alerts', () => {
  const page = read('alerts.md');

  test('are six, each with a heading that has steps, and a way to it', () => {
    const headings = [...page.matchAll(/^### (Mcp\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(rules.map(({ alert }) => alert));
    expect(rules).toHaveLength(6);
    for (const { alert, annotations } of rules) {
      const [, section = ''] = page.split(`### ${alert}\n`);
      expect([...(section.split('\n### ')[0] ?? '').matchAll(/^\d\. /gm)].length, alert).toBeGreaterThan(2);
      expect(annotations['description']).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
    }
  });
});

test.each(['alerts.md', 'operations.md', 'troubleshooting.md'])('%s names metrics that there are', (file) => {
  const named = [...read(file).matchAll(/\bmcp_\w+\b/g)].map(([name]) => name);
  expect(named.filter((name) => !METRICS.has(name))).toEqual([]);
});

describe('troubleshooting', () => {
  const page = read('troubleshooting.md');

  test('names every refusal, and none that there is not', () => {
    expect(REFUSAL_NAMES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  test('names every reason for which a session ends', () => {
    expect(END_REASONS.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
  });
});

const GROUPS = new Set(Object.keys(LOG_EVENTS).map((event) => event.split('.')[0] ?? ''));

test.each(['alerts.md', 'operations.md', 'troubleshooting.md'])('%s: log events are those that there are', (file) => {
  const named = [...read(file).matchAll(/`([a-zA-Z]+)\.([a-zA-Z]+)`/g)].filter(([, group = '']) => GROUPS.has(group));
  const events = named.map(([, group, name]) => `${group}.${name}`);
  expect(events.filter((event) => !Object.hasOwn(LOG_EVENTS, event) && !FILES.includes(event))).toEqual([]);
  if (file !== 'operations.md') expect(events).not.toEqual([]);
});

/** What looks like an event and is a file, or a function. */
const FILES = ['server.js', 'session.state'];

const FLAG_NAMES = new Set(
  Object.values(FLAGS)
    .flat()
    .flatMap(({ long }) => long ?? []),
);

test.each(['alerts.md', 'operations.md', 'proxies.md', 'troubleshooting.md'])('%s: flags of ours are flags', (file) => {
  // What stands in code with nothing of another program before it.
  const named = [...read(file).matchAll(/`(--[a-z-]+)[^`]*`/g)].map(([, flag = '']) => flag);
  expect(named.filter((flag) => !FLAG_NAMES.has(flag) && !OTHERS.includes(flag))).toEqual([]);
});
