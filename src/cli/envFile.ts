/**
 * A file of variables, in the format of Node's own `--env-file`, but that a line which is not of it is refused: one that is
 * misread gives a server another environment than its operator has written. Pure; no error holds what stands there.
 */

const LINE = /^(?:export\s+)?([^\s=]+)\s*=\s*(.*)$/s;
const QUOTES = ['"', "'", '`'];

/**
 * Reads `NAME=value` lines. A later one goes before an earlier one of the same name.
 * @throws {Error} for a line that is none, with its number.
 */
export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  const variables: [name: string, value: string][] = [];
  let at = 0;
  const refuse = (why: string): never => {
    throw new Error(`line ${at}: ${why}`);
  };
  while (at < lines.length) {
    const line = (lines[at++] as string).trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', rest = ''] =
      LINE.exec(line) ?? refuse('it is no NAME=value, and no comment that begins with #');
    if (line.includes('\0')) refuse('it has a NUL in it');
    const quote = QUOTES.find((mark) => rest.startsWith(mark));
    if (quote === undefined) {
      variables.push([name, rest.replace(/#.*$/, '').trim()]);
      continue;
    }
    // Up to the line that closes it.
    const raw = (lines[at - 1] as string).trimStart();
    const quoted = [raw.slice(raw.indexOf(quote, raw.indexOf('=')) + 1), ...lines.slice(at)].join('\n');
    const end = quoted.indexOf(quote);
    if (end === -1) refuse('the quote that begins its value is not closed');
    const value = quoted.slice(0, end);
    const behind = quoted.slice(end + 1).split('\n', 1)[0] as string;
    if (!/^\s*(#.*)?$/.test(behind)) refuse('something stands behind the quote that ends its value');
    if (value.includes('\0')) refuse('it has a NUL in it');
    variables.push([name, quote === '"' ? value.replaceAll('\\n', '\n') : value]);
    at += value.split('\n').length - 1;
  }
  return Object.fromEntries(variables);
}
