/** Calls that last as long as they are asked to: found in a server's list of tools, or told as a template. */
import type { LongCall } from '../paths/driver.ts';

/** A tool, as `tools/list` tells it, as far as it matters here. */
export interface ListedTool {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly inputSchema?: {
    readonly properties?: Readonly<Record<string, ListedArgument>>;
    readonly required?: readonly string[];
  };
  readonly annotations?: { readonly readOnlyHint?: boolean; readonly destructiveHint?: boolean };
}

interface ListedArgument {
  readonly type?: string | readonly string[];
  readonly description?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A way to call a tool so that it lasts. */
export interface LongCallShape {
  /** For reports: `sleep {"ms":$MS}`. */
  readonly label: string;
  /** What it can be asked for, in ms. */
  readonly least: number;
  readonly most: number;
  /** The call that lasts so many ms, or a little longer where only whole seconds can be asked for. */
  make(ms: number): LongCall;
}

type Unit = 'ms' | 's';

const WORDS: Readonly<Record<string, Unit | 'any' | 'filler'>> = {
  ...{ ms: 'ms', msec: 'ms', msecs: 'ms', millis: 'ms', millisecond: 'ms', milliseconds: 'ms' },
  ...{ s: 's', sec: 's', secs: 's', second: 's', seconds: 's' },
  ...{ duration: 'any', delay: 'any', sleep: 'any', wait: 'any', timeout: 'any' },
  ...{ time: 'filler', in: 'filler', for: 'filler' },
};

/** `$MS` and `$S` in a template stand for the duration in milliseconds and in seconds. */
const PLACEHOLDER = /\$(MS|S)\b/g;

/**
 * A template such as `sleep:{"ms":$MS}`: the tool's name, and its arguments as JSON.
 * @throws {SyntaxError} where it is none; the message says what is wrong.
 */
export function parseLongCall(template: string): LongCallShape {
  const [, name, json] = /^([^{]+):(\{.*\})$/s.exec(template) ?? [];
  if (name === undefined || json === undefined) throw new SyntaxError('it is not written as name:{"argument":$MS}');
  if (json.search(PLACEHOLDER) < 0) throw new SyntaxError('it has no $MS or $S, which stand for the duration');
  const make = (ms: number): LongCall => {
    const filled = json.replace(PLACEHOLDER, (_, unit) => String(unit === 'MS' ? Math.ceil(ms) : ms / 1_000));
    return { name, arguments: JSON.parse(filled) as Record<string, unknown> };
  };
  make(1);
  return { label: `${name} ${json}`, least: 0, most: Number.POSITIVE_INFINITY, make };
}

/**
 * The tools that may last as long as one of their arguments says: those that need nothing else, and don't say that they
 * destroy something. Most promising first; whether they do has to be tried.
 */
export function longCallsAmong(tools: readonly ListedTool[]): LongCallShape[] {
  const harmless = tools.filter(({ annotations: { readOnlyHint, destructiveHint } = {} }) => {
    return readOnlyHint === true || destructiveHint !== true;
  });
  const promise = ({ name, annotations }: ListedTool) =>
    Number(annotations?.readOnlyHint === true) + 2 * Number(/sleep|slow|delay|wait|long/i.test(String(name)));
  return harmless.sort((a, b) => promise(b) - promise(a)).flatMap(shapesOf);
}

function shapesOf(tool: ListedTool): LongCallShape[] {
  const { name, inputSchema: { properties = {}, required = [] } = {} } = tool;
  if (typeof name !== 'string') return [];
  return Object.entries(properties).flatMap(([argument, schema]) => {
    const types = [schema.type ?? []].flat();
    const isWhole = types.includes('integer');
    if (!isWhole && !types.includes('number')) return [];
    if (required.some((other) => other !== argument)) return [];
    return unitsOf(argument, `${schema.description ?? ''}\n${tool.description ?? ''}`).map((unit) => {
      const factor = unit === 's' ? 1_000 : 1;
      const { minimum = 0, maximum = Number.POSITIVE_INFINITY } = schema;
      const amount = (ms: number) => (isWhole || unit === 'ms' ? Math.ceil(ms / factor) : ms / factor);
      return {
        label: `${name} {"${argument}":$${unit.toUpperCase()}}`,
        least: minimum * factor,
        most: maximum * factor,
        make: (ms: number) => ({ name, arguments: { [argument]: amount(ms) } }),
      };
    });
  });
}

/** In which units a duration is, likely ones first; none where it is no duration. */
function unitsOf(argument: string, description: string): Unit[] {
  const words = argument
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_-]/);
  const kinds = words.map((word) => (Object.hasOwn(WORDS, word) ? WORDS[word] : undefined));
  if (kinds.includes(undefined) || kinds.every((kind) => kind === 'filler')) return [];
  if (kinds.includes('ms')) return ['ms'];
  if (kinds.includes('s')) return ['s'];
  if (/\bms\b|millisec/i.test(description)) return ['ms'];
  if (/\b(minute|hour|day)s?\b/i.test(description)) return [];
  // As seconds first: asked in the wrong unit, it is then over at once, and not after an hour.
  return /\bsec(ond)?s?\b/i.test(description) ? ['s'] : ['s', 'ms'];
}
