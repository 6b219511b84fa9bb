/** The text that Prometheus scrapes (text format 0.0.4): names, escapes, numbers. Knows nothing of what is measured. */

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What a name ends with for its unit; units in braces are no part of it. */
const UNIT_SUFFIX: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/** The name that a metric of OpenTelemetry has in Prometheus. */
export function prometheusName({ name, unit, kind }: { name: string; unit: string; kind: string }): string {
  const base = name.replaceAll('.', '_');
  const suffix = UNIT_SUFFIX[unit] ?? '';
  return `${base}${base.endsWith(suffix) ? '' : suffix}${kind === 'counter' ? '_total' : ''}`;
}

/** The name that a label has there. */
function prometheusLabel(name: string): string {
  return name.replaceAll('.', '_');
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** What stands before the samples of a metric. */
export function head(name: string, kind: string, help: string): string {
  const escaped = help.replaceAll(/[\\\n]/g, (character) => ESCAPES[character] ?? '');
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${kind}\n`;
}

/** One sample. Labels without a value are left out. */
export function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  return `${name}${labelText(labels)} ${numberText(value)}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => {
    const escaped = value.replaceAll(/[\\"\n]/g, (character) => ESCAPES[character] ?? '');
    return `${prometheusLabel(label)}="${escaped}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

export function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
