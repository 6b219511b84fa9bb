/** What docs/handles.md says of options, reasons and errors is what the code has. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { isHandleEndReason, resolveHandleOptions } from '../../src/options.ts';

const page = await readFile(new URL('../../docs/handles.md', import.meta.url), 'utf8');

/** The cells of the table below a heading of this text. */
const rowsOf = (head: string): string[][] =>
  page
    .slice(page.indexOf(head))
    .split('\n')
    .slice(2)
    .slice(
      0,
      page
        .slice(page.indexOf(head))
        .split('\n')
        .slice(2)
        .findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test('every option is there, with its default', () => {
  const defaults = resolveHandleOptions({ open: () => 1, close: () => {} });
  const shown = Object.entries(defaults).map(([name, value]) => {
    if (typeof value === 'function') return [`\`${name}\``, 'required'];
    if (typeof value === 'string') return [`\`${name}\``, `\`'${value}'\``];
    if (value === Number.POSITIVE_INFINITY) return [`\`${name}\``, '`Infinity`'];
    return [
      `\`${name}\``,
      `${String(value).replaceAll(/\B(?=(\d{3})+$)/g, ' ')}${name.startsWith('max') ? '' : ' ms'}`,
    ];
  });
  expect(rowsOf('| option | default |').map((cells) => cells.slice(0, 2))).toEqual(shown);
});

test('every error is there', () => {
  const codes = ['HANDLE_NOT_FOUND', 'HANDLES_FULL', 'HANDLE_NOT_OPENED', 'NO_PRINCIPAL'];
  expect(rowsOf('| `code` | when |').map(([code]) => code)).toEqual(codes.map((code) => `\`${code}\``));
});

test('every reason is there, and no other', () => {
  const [line = ''] = /^For one reason:.*$/m.exec(page) ?? [];
  const words = [...line.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);
  const reasons = words.filter((word) => !['end', 'open', 'openTimeout'].includes(word));
  expect(reasons.sort()).toEqual(['crashed', 'deleted', 'drained', 'evicted', 'idle', 'initializeTimeout', 'lifetime']);
  expect(reasons.every(isHandleEndReason)).toBe(true);
});
