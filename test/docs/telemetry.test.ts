/** docs/telemetry.md has the table of metrics that the code has. `UPDATE_DOCS=1` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { prometheusName } from '../../src/telemetry/exposition.ts';
import type { LabelValues } from '../../src/telemetry/metric.ts';
import { READ_METRICS } from '../../src/telemetry/readMetrics.ts';
import { TIMED_METRICS } from '../../src/telemetry/timedMetrics.ts';

const PAGE = new URL('../../docs/telemetry.md', import.meta.url);
const TABLE = /(<!-- metrics -->\n)[\s\S]*?(<!-- \/metrics -->)/;

const valuesText = (values: LabelValues) =>
  typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ');

/** Labels with many values stand below the table, once for all metrics that have them. */
function drawn(): string {
  const metrics = [...READ_METRICS, ...TIMED_METRICS];
  const rows = metrics.map((metric) => {
    const labels = Object.keys(metric.labels).map((label) => `\`${label}\``);
    const names = `\`${metric.name}\`<br>\`${prometheusName(metric)}\``;
    return `| ${names} | ${metric.kind} | ${metric.unit} | ${labels.join(', ')} | ${metric.help} |`;
  });
  const labels = new Map<string, string[]>();
  for (const { name, labels: all } of metrics) {
    for (const [label, values] of Object.entries(all)) {
      const line = `\`${label}\`: ${valuesText(values)}`;
      labels.set(line, [...(labels.get(line) ?? []), name]);
    }
  }
  const lines = Array.from(labels, ([line, names]) => `- of ${names.map((name) => `\`${name}\``).join(', ')}, ${line}`);
  return [
    '| name | kind | unit | labels | meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'Labels have these values:',
    '',
    ...lines,
  ]
    .map((line) => `${line}\n`)
    .join('');
}

test('the table of metrics is that of the code', async () => {
  const page = await readFile(PAGE, 'utf8');
  const wanted = page.replace(TABLE, (_, begin: string, end: string) => `${begin}${drawn()}${end}`);
  if (process.env['UPDATE_DOCS'] !== undefined) await writeFile(PAGE, wanted);
  expect(TABLE.test(page)).toBe(true);
  expect(await readFile(PAGE, 'utf8')).toBe(wanted);
});
