/** What Prometheus would read: the text, as a parser of somebody else's takes it apart. */
import parsePrometheusTextFormat from 'parse-prometheus-text-format';

type Labels = Readonly<Record<string, string>>;

/** One metric, as the parser has it. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM' | 'UNTYPED';
  readonly metrics: { readonly labels?: Labels; readonly value?: string }[];
}

/** What a histogram says of one set of labels. */
export interface Durations {
  readonly labels: Labels;
  readonly buckets: Readonly<Record<string, number>>;
  readonly sum: number | undefined;
  readonly count: number | undefined;
}

export function scrape(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  for (const family of parsePrometheusTextFormat(text) as Family[]) {
    const before = families.get(family.name);
    if (before === undefined) families.set(family.name, family);
    else before.metrics.push(...family.metrics); // it begins anew whenever another name came between
  }
  return families;
}

/** The value of one sample; undefined where there is none. */
export function numberOf(text: string, name: string, labels: Labels = {}): number | undefined {
  return find(scrape(plain(text)).get(name), labels);
}

/** What a histogram says, in the order in which the sets of labels were seen. */
export function durations(text: string, name: string): readonly Durations[] {
  const families = scrape(plain(text));
  const seen = new Map<string, { labels: Labels; buckets: Record<string, number> }>();
  for (const { labels: { le = '', ...labels } = {}, value } of families.get(`${name}_bucket`)?.metrics ?? []) {
    const key = JSON.stringify(sorted(labels));
    const entry = seen.get(key) ?? { labels, buckets: {} };
    seen.set(key, entry);
    entry.buckets[le] = Number(value);
  }
  return [...seen.values()].map(({ labels, buckets }) => {
    const [sum, count] = ['sum', 'count'].map((part) => find(families.get(`${name}_${part}`), labels));
    return { labels, buckets, sum, count };
  });
}

/** The parser puts all samples of a histogram together, whatever their labels; without its type it leaves them apart. */
function plain(text: string): string {
  return text.replaceAll(/^# TYPE (\S+) histogram$/gm, '');
}

function find(family: Family | undefined, labels: Labels): number | undefined {
  const wanted = JSON.stringify(sorted(labels));
  const value = family?.metrics.find((sample) => JSON.stringify(sorted(sample.labels)) === wanted)?.value;
  return value === undefined ? undefined : Number(value);
}

function sorted(labels: Labels = {}): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}
