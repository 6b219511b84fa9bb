/** What the log says of a session's life, whatever its client says of itself. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createJournal } from '../../src/cli/journal.ts';
import { reportLifecycle } from '../../src/cli/lifecycle.ts';
import { embed, open, postOf } from '../supervisor/astray/embedder.ts';

/** A supervisor whose sessions' lives are written, and the lines. */
function reported(format: 'text' | 'json', principal?: string) {
  const lines: string[] = [];
  const sink = { write: (text: string) => lines.push(text) };
  const journal = createJournal({
    format,
    quiet: false,
    verbose: true,
    out: sink,
    err: sink,
    env: {},
    now: Date.now,
  });
  const supervisor = embed(principal === undefined ? {} : { principal: () => principal });
  reportLifecycle(supervisor, journal, { sessionIdleTimeout: 60_000 });
  return { supervisor, lines };
}

/** From nothing to more than anybody would print, with what a terminal would act on. */
const text = fc
  .tuple(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom(1, 2, 100, 3_000))
  .map(([some, times]) => some.repeat(times).slice(0, 10_000));

const clients = fc.record(
  { name: text, version: text, title: text, websiteUrl: text, icons: fc.array(fc.record({ src: text })) },
  { requiredKeys: ['name', 'version'] },
);

test('a client is told of by name and version', async () => {
  const { supervisor, lines } = reported('json', 'ann');
  await open(supervisor);
  await supervisor.drain();
  const { client, protocolVersion, principal, message } = JSON.parse(lines[0] ?? '');
  expect({ client, protocolVersion, principal }).toEqual({
    client: { name: 'ann', version: '1' },
    protocolVersion: '2025-11-25',
    principal: 'ann',
  });
  expect(message).toBe('ann 1 for ann, protocol 2025-11-25; 1 open');
});

test.each(['text', 'json'] as const)('as %s, no client makes a line long', async (format) => {
  await fc.assert(
    fc.asyncProperty(clients, text, async (clientInfo, principal) => {
      const { supervisor, lines } = reported(format, principal || 'somebody');
      const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
      const response = await supervisor.fetch(postOf({ jsonrpc: '2.0', id: 0, method: 'initialize', params }));
      await response.text();
      await supervisor.drain();
      if (response.status !== 200) return void expect(response.status).toBe(413);
      expect(lines.length).toBeGreaterThan(1);
      for (const line of lines) expect(line.length).toBeLessThan(1_000);
      if (format === 'json') expect(Object.keys(JSON.parse(lines[0] ?? '').client)).toEqual(['name', 'version']);
    }),
    { numRuns: 100 },
  );
});
