/** The command line of the MCP Inspector, as one more client that others wrote. */
import { deepStrictEqual, match } from 'node:assert/strict';
import { runClient } from './clients.ts';
import type { Verdict } from './verdict.ts';

const CLI = '@modelcontextprotocol/inspector/clients/launcher/build/index.js';
const WITHIN = 20_000;

interface Command {
  readonly args: readonly string[];
  /** Throws when the Inspector did not print what the fixture answers. */
  readonly expect: (printed: unknown) => void;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  'tools/list': {
    args: [],
    expect: (printed) => {
      const { tools } = printed as { tools: { name: string }[] };
      match(tools.map(({ name }) => name).join(), /test_simple_text.*json_schema_2020_12_tool/);
    },
  },
  'tools/call': {
    args: ['--tool-name', 'test_simple_text'],
    expect: (printed) =>
      deepStrictEqual(printed, {
        content: [{ type: 'text', text: 'This is a simple text response for testing.' }],
      }),
  },
  'resources/read': {
    args: ['--uri', 'test://template/7/data'],
    expect: (printed) => {
      const { contents } = printed as { contents: { text: string }[] };
      deepStrictEqual(
        contents.map(({ text }) => JSON.parse(text)),
        [{ id: '7', templateTest: true, data: 'Data for ID: 7' }],
      );
    },
  },
};

export async function runInspector(url: string): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [method, { args, expect }] of Object.entries(COMMANDS)) {
    const scenario = `inspector ${method}`;
    const options = ['--cli', url, '--transport', 'http', '--method', method, ...args];
    const { code, stdout, stderr } = await runClient(CLI, options, WITHIN);
    try {
      if (code !== 0) throw new Error(`exit code ${code ?? '(killed)'}\n${stderr}`);
      expect(JSON.parse(stdout));
      verdicts.push({ scenario, succeeded: 1, complaints: [] });
    } catch (error) {
      verdicts.push({ scenario, succeeded: 0, complaints: [error instanceof Error ? error.message : String(error)] });
    }
  }
  return verdicts;
}
