/** What the operator's pages say, as it is tried: their blocks, by the line that each begins with. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

function page(name: string): string {
  return readFileSync(`${DOCS}${name}.md`, 'utf8');
}

/** The one block of this language on a page that has this in it. */
export function block(name: string, language: string, has = ''): string {
  const fenced = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  const found = [...page(name).matchAll(fenced)].map(([, text = '']) => text).filter((text) => text.includes(has));
  const [text, ...more] = found;
  if (text === undefined || more.length > 0) {
    throw new Error(`docs/${name}.md has ${found.length} blocks of ${language} with ${JSON.stringify(has)}`);
  }
  return text;
}

/** A text with each of these replaced wherever it is; what is not there is a page that says something else by now. */
export function replaced(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`The page does not say ${JSON.stringify(from)} any more`);
    return changed.replaceAll(from, to);
  }, text);
}

/** The arguments of the `ExecStart` of a unit, as `systemd` would give them to this instance. */
export function commandOf(unit: string, instance: string, credentials: string): string[] {
  const [, line = ''] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit) ?? [];
  const words = line.replaceAll('\\\n', ' ').trim().split(/\s+/);
  return words.map((word) => word.replaceAll('%i', instance).replaceAll('%d', credentials));
}
