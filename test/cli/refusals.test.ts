/** What the operator is told of refused requests: what a flag would allow, seldom enough to read. */
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Refusals } from '../../src/cli/refusals.ts';
import type { LogEntry } from '../../src/options.ts';

const HOSTS = ['localhost', '127.0.0.1'];

function recorded(verbose = false) {
  const entries: LogEntry[] = [];
  const refusals = new Refusals({ log: (entry) => entries.push(entry), verbose, allowedHosts: HOSTS });
  const refuse = (headers: Record<string, string>, status = 403) =>
    refusals.tell({ method: 'POST', url: '/mcp', headers } as unknown as IncomingMessage, status);
  return { entries, refuse, lines: () => entries.map(({ message }) => message) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a foreign Host is told with the flag that lists what is accepted', () => {
  const { entries, refuse } = recorded();
  refuse({ host: 'evil.example:3000' });
  expect(entries).toEqual([
    {
      level: 'warn',
      event: 'request.refused',
      message: 'refused a request with Host evil.example:3000; --allowed-hosts lists the names that are accepted',
      refusal: 'hostNotAllowed',
      count: 1,
      host: 'evil.example:3000',
    },
  ]);
});

test('a foreign Origin is told with its own flag', () => {
  const { entries, refuse } = recorded();
  refuse({ host: 'LOCALHOST:3000', origin: 'https://evil.example' });
  expect(entries).toEqual([
    {
      level: 'warn',
      event: 'request.refused',
      message:
        'refused a request with Origin https://evil.example; --allowed-origins lists the origins that are accepted',
      refusal: 'originNotAllowed',
      count: 1,
      origin: 'https://evil.example',
    },
  ]);
});

test('where both are foreign the Host is what was refused', () => {
  const { entries, refuse } = recorded();
  refuse({ host: 'evil.example', origin: 'http://evil.example' });
  expect(entries.map(({ refusal }) => refusal)).toEqual(['hostNotAllowed']);
});

test('no Host at all is told as well', () => {
  const { lines, refuse } = recorded();
  refuse({});
  expect(lines()[0]).toMatch(/^refused a request with no Host; /);
});

describe('many', () => {
  test('are told at most once a second for each kind, with how many were left out', () => {
    const { entries, refuse, lines } = recorded();
    for (let n = 0; n < 42; n++) refuse({ host: `${n}.example` });
    refuse({ host: 'localhost', origin: 'https://a.example' });
    expect(entries.map(({ refusal, count }) => [refusal, count])).toEqual([
      ['hostNotAllowed', 1],
      ['originNotAllowed', 1],
    ]);
    vi.advanceTimersByTime(999);
    expect(entries).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(lines().at(-1)).toBe(
      'refused 41 requests more, the last one with Host 41.example; --allowed-hosts lists the names that are accepted',
    );
    refuse({ host: 'late.example' });
    expect(entries).toHaveLength(3);
    vi.advanceTimersByTime(1_000);
    expect(entries.at(-1)).toMatchObject({ count: 1, host: 'late.example' });
    vi.advanceTimersByTime(10_000);
    expect(entries).toHaveLength(4);
    refuse({ host: 'again.example' });
    expect(lines().at(-1)).toMatch(/^refused a request with Host again\.example; /);
    expect(vi.getTimerCount()).toBe(1);
  });

  test('none of them leaves the flag out of the line, however long it is', () => {
    const { lines, refuse } = recorded();
    refuse({ host: 'x'.repeat(10_000) });
    expect(lines()[0]).toMatch(/; --allowed-hosts lists the names that are accepted$/);
    expect(lines()[0]?.length).toBeLessThan(300);
  });
});

test('other refusals are nothing for the default level', () => {
  const { entries, refuse } = recorded();
  for (const status of [400, 404, 406, 429, 503]) refuse({ host: 'localhost' }, status);
  expect(entries).toEqual([]);
});

test('--verbose has one line for each refusal instead, with the flag where there is one', () => {
  const { entries, refuse, lines } = recorded(true);
  refuse({ host: 'localhost' }, 404);
  for (let n = 0; n < 2; n++) refuse({ host: 'localhost', origin: 'https://evil.example' });
  const origin = 'refused with 403 Forbidden: POST /mcp of localhost, origin https://evil.example';
  const hint = '; --allowed-origins lists the origins that are accepted';
  expect(lines()).toEqual(['refused with 404 Not Found: POST /mcp of localhost', origin + hint, origin + hint]);
  expect(new Set(entries.map(({ level }) => level))).toEqual(new Set(['debug']));
  vi.advanceTimersByTime(5_000);
  expect(entries).toHaveLength(3);
});
