/** Text that others chose (a header, a name, an error's words), made safe to be read in a terminal or a log. */

/** Longer texts are cut: they are read by people. */
const LONGEST = 200;

// Control characters move cursors and forge lines; format characters reorder or hide what is read, and marks and
// letters that are drawn as nothing (variation selectors, fillers) hide it too.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** The text without control, direction and invisible characters, which are written as `\u{…}`; at most `longest` of it. */
export function printable(text: string, longest: number = LONGEST): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
