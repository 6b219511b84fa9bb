/** The programs of the guides, run as they are written there: a reader's first server, and telling all sessions. */
import { createServer } from 'node:http';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SessionSupervisor } from '../../src/index.ts';
import { toNodeHandler } from '../../src/node.ts';
import { resolveOptions, type SessionSupervisorOptions } from '../../src/options.ts';
import { connectClient } from '../support/client.ts';
import { listen } from '../support/listen.ts';
import { until } from '../support/until.ts';
import { load, pageOf } from './program.ts';

interface Program {
  readonly supervisor: SessionSupervisor;
}

async function serve({ supervisor }: Program): Promise<string> {
  const { url, close } = await listen(createServer(toNodeHandler(supervisor)));
  onTestFinished(async () => {
    await supervisor.drain({ timeout: 100 });
    await close();
  });
  return url;
}

const textOf = async (client: Client, name: string, args = {}) => {
  const { content } = await client.callTool({ name, arguments: args });
  return (content as { text?: string }[])[0]?.text;
};

test('the first server of docs/start.md counts the greetings of each session by itself', async () => {
  const url = await serve(await load<Program>('start', 'greeted', ['supervisor']));
  const [{ client: ada }, { client: bob }] = [await connectClient(url), await connectClient(url)];
  expect(await textOf(ada, 'greet', { name: 'Ada' })).toBe('Hello, Ada! Greeted in this session: 1.');
  expect(await textOf(ada, 'greet', { name: 'Ada' })).toBe('Hello, Ada! Greeted in this session: 2.');
  expect(await textOf(bob, 'greet', { name: 'Bob' })).toBe('Hello, Bob! Greeted in this session: 1.');
});

test('docs/notify.md tells all sessions', async () => {
  interface News extends Program {
    announce(data: string): Promise<void>;
    toolsChanged(): void;
  }
  const news = await load<News>('notify', 'announce', ['supervisor', 'announce', 'toolsChanged']);
  const url = await serve(news);
  const heard: unknown[] = [];
  for (const name of ['ada', 'bob']) {
    const { client } = await connectClient(url);
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({ params }) => void heard.push([name, params.data]),
    );
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push([name, 'tools']));
  }
  await until(() => [...news.supervisor.sessions()].every(({ openStreams }) => openStreams === 1));
  await news.announce('We close at six');
  news.toolsChanged();
  await until(() => heard.length === 4);
  expect(heard).toEqual(
    expect.arrayContaining([
      ['ada', 'We close at six'],
      ['bob', 'We close at six'],
      ['ada', 'tools'],
      ['bob', 'tools'],
    ]),
  );
});

describe('docs/migration', () => {
  const KNOWN = Object.keys(resolveOptions({ server: () => ({ connect: async () => {}, close: async () => {} }) }));

  /** The names in the first column of the table of options. */
  async function optionsOf(page: string): Promise<string[]> {
    const [table = ''] = /^\| option of [^\n]*\n(?:\|.*\n)+/m.exec(await pageOf(`migration/${page}`)) ?? [];
    const cells = table
      .split('\n')
      .slice(2)
      .map((line) => line.split('|')[1] ?? '');
    return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  }

  const said = (name: string): string => {
    try {
      resolveOptions({ [name]: 1 } as unknown as SessionSupervisorOptions);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };

  test.each(['sdk', 'mcp-proxy', 'fastmcp', 'python'])(
    '%s: each option is ours, or is answered with ours',
    async (page) => {
      const names = await optionsOf(page);
      expect(names.length).toBeGreaterThan(3);
      const lost = names.filter((name) => !KNOWN.includes(name) && !/did you mean|; (?!there are:)/.test(said(name)));
      expect(lost).toEqual([]);
    },
  );
});
