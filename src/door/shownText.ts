/** Texts of clients as a person is shown them: short, and without characters that would not show as themselves. */

/** What clients say of themselves may be megabytes. */
const LONGEST_NAME = 100;

// What a browser would not show as itself: control characters, and those that hide or reorder what stands beside them.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** A text of several lines in which everything is seen as what it is. */
export function visible(text: string): string {
  return text.split('\n').map(escaped).join('\n');
}

function escaped(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * A text of at most this length as one that shows as what it is, the rest escaped as `\u{…}`: a name must not look like
 * another in the page. V8 keeps the whole of a text alive for a slice of it, so what is cut is copied.
 */
export function cut(text: string, longest: number = LONGEST_NAME): string {
  const begin = text.slice(0, longest + 1);
  const shown = escaped(begin);
  if (shown.length <= longest) return shown === text ? text : copied(shown);
  return `${copied(shown.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, ''))}…`;
}

function copied(text: string): string {
  return Buffer.from(text).toString();
}
