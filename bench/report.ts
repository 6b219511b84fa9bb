/** Turns series into ratios and verdicts, and those into a table: for the terminal, and as Markdown. */
import { median, quantile, type Series } from './measures/rounds.ts';
import type { Comparison, Metric } from './plan.ts';

export interface Result extends Comparison {
  /** Medians over the rounds, in the metric's unit. */
  readonly subjectMedian: number;
  readonly baselineMedian: number;
  /** The median of the rounds' ratios, and the quartiles: half of the rounds lie between them. */
  readonly ratio: number;
  readonly lower: number;
  readonly upper: number;
  readonly verdict: 'pass' | 'MISSED' | '';
}

export type Measured = Readonly<Partial<Record<Metric, Series>>>;

/** The comparisons whose metrics were measured. */
export function evaluate(comparisons: readonly Comparison[], measured: Measured): readonly Result[] {
  return comparisons.flatMap((comparison) => {
    const series = measured[comparison.metric];
    const subject = series?.get(comparison.subject);
    const baseline = series?.get(comparison.baseline);
    if (subject === undefined || baseline === undefined) return [];
    const ratios = subject.map((value, round) => value / (baseline[round] as number));
    const ratio = median(ratios);
    // A ratio that is no number must not pass.
    const met = comparison.target !== undefined && ratio <= comparison.target;
    return {
      ...comparison,
      subjectMedian: median(subject),
      baselineMedian: median(baseline),
      ratio,
      lower: quantile(ratios, 0.25),
      upper: quantile(ratios, 0.75),
      verdict: comparison.target === undefined ? '' : met ? 'pass' : 'MISSED',
    };
  });
}

const HEAD = ['what', 'of', 'against', 'ratio', 'half within', 'target', ''];

/** The rows of the table, the head first. `nameOf` gives the readable name of a subject or baseline. */
export function rows(results: readonly Result[], nameOf: (name: string) => string): readonly (readonly string[])[] {
  const body = results.map((result) => [
    result.title,
    `${nameOf(result.subject)}: ${quantity(result.metric, result.subjectMedian)}`,
    `${nameOf(result.baseline)}: ${quantity(result.metric, result.baselineMedian)}`,
    result.ratio.toFixed(3),
    `${result.lower.toFixed(2)}–${result.upper.toFixed(2)}`,
    result.target === undefined ? '' : `≤ ${result.target.toFixed(2)}`,
    result.verdict,
  ]);
  return [HEAD, ...body];
}

function quantity(metric: Metric, value: number): string {
  if (metric === 'idle.heap' || metric === 'idle.rss' || metric === 'stdio.rss')
    return `${(value / 1024).toFixed(1)} KiB`;
  if (metric === 'inspector.held') return `${(value / 1024 / 1024).toFixed(0)} MiB`;
  if (metric.endsWith('.rate')) return `${value.toFixed(0)}/s`;
  if (['stdio.start', 'cluster.takeover', 'cluster.handover'].includes(metric)) return `${value.toFixed(0)} ms`;
  return `${value.toFixed(value < 100 ? 1 : 0)} µs`;
}

export function plainTable(table: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    lines[0],
    widths
      .map((width) => '-'.repeat(width))
      .join('  ')
      .trimEnd(),
    ...lines.slice(1),
  ].join('\n');
}

export function markdownTable(table: readonly (readonly string[])[]): string {
  const lines = table.map((row) => `| ${row.join(' | ')} |`);
  return [lines[0], `|${HEAD.map(() => '---|').join('')}`, ...lines.slice(1)].join('\n');
}
