/** How the command puts things: durations and counts as people say them, and foreign text made safe for one line. */

/** Longer texts are cut: a log line is read by people. */
const LONGEST = 400;

// Control characters (C0, C1) move cursors and forge lines; format characters, those of direction among them, reorder or
// hide what is read, as do marks and letters that are drawn as nothing; a lone surrogate is no text at all.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** A line with every character escaped as `\u{…}` that would not show as itself; its spaces stay. */
export function escaped(line: string): string {
  return line.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * Text from elsewhere (a client's name, an error's message) as one line without control or invisible characters: white
 * space collapsed, the rest escaped as `\u{…}`. At most `longest` characters, 400 by default.
 */
export function printable(text: string, longest: number = LONGEST): string {
  // Cut first and generously, so that a hostile megabyte is not worked through.
  const line = text
    .slice(0, longest * 4)
    .replace(/\s+/g, ' ')
    .trim();
  const safe = escaped(line);
  // Not in the middle of a character: half a pair of surrogates is none.
  return safe.length > longest ? `${safe.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…` : safe;
}

/** JSON as it is, but for characters that a terminal would act on: those are escaped, so that it parses to the same. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) => {
    // Line breaks lie between the values only: within them JSON has no raw one.
    if (character === '\n') return character;
    return Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join('');
  });
}

/** A duration as people say it, in its two largest units: `2h 5m`, `31m 4s`, `2.5s`, `40ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === Number.POSITIVE_INFINITY) return 'for ever';
  if (milliseconds < 1_000) return `${Math.round(milliseconds)}ms`;
  // Rounded before it is split, so that 59.97 s becomes 1m and not 60s.
  const tenths = Math.round(milliseconds / 100);
  if (tenths < 600) return `${tenths / 10}s`;
  const seconds = Math.round(milliseconds / 1_000);
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const largest = units.findIndex(([amount]) => amount > 0);
  const said = units.slice(largest, largest + 2).filter(([amount]) => amount > 0);
  return said.map(([amount, unit]) => `${amount}${unit}`).join(' ');
}

/** `1 session`, `2 sessions`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
