/** Servers that others have published, behind the command, driven by the clients of both SDKs. */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { until } from '../support/until.ts';
import { published } from './packages.ts';
import { type Connect, WAYS } from './sdkClients.ts';
import { Served, STARTS_WITHIN } from './served.ts';

const command = useCommand();

/** Has one command serve all tests of a describe; at their end it leaves nothing. */
function served(serverCommand: () => Promise<string[]>, ...flags: string[]) {
  let current: Served | undefined;
  const ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    const options = { onEnd: (end: () => Promise<void>) => void ends.push(end) };
    const running = command.run(['--port', '0', ...flags, '--', ...(await serverCommand())], options);
    current = await Served.start(running);
  }, STARTS_WITHIN);
  afterAll(async () => {
    try {
      expect(await current?.stop()).toEqual({ code: 0, signal: null });
    } finally {
      for (const end of ends) await end();
    }
  }, STARTS_WITHIN);
  return () => {
    if (current === undefined) throw new Error('The command does not serve');
    return current;
  };
}

/** Tests for every client, with a GET stream and without. */
function forEveryClient(body: (connect: Connect) => Promise<void>): void {
  for (const [name, connect, listens] of WAYS) {
    test(name, () => body((url, options) => connect(url, { ...options, listens })));
  }
}

describe('server-everything', () => {
  const there = served(async () => published('everything', 'stdio'));

  describe('tools, resources and prompts', () => {
    forEveryClient(async (connect) => {
      const client = await connect(there().url);
      expect(client.serverName).toBe('mcp-servers/everything');
      expect(await client.tools()).toEqual(expect.arrayContaining(['echo', 'get-sum', 'trigger-sampling-request']));
      expect(await client.call('echo', { message: 'Zürich, 東京, 🦆 \u2028' })).toBe('Echo: Zürich, 東京, 🦆 \u2028');
      expect(await client.call('get-sum', { a: 2, b: 40 })).toContain('42');
      expect(await client.call('get-tiny-image')).toContain('[image]');
      expect((await client.resources()).length).toBeGreaterThan(3);
      expect(await client.read('demo://resource/dynamic/text/7')).toMatch(/^Resource 7: /);
      expect(await client.prompt('args-prompt', { city: 'Basel' })).toContain('Basel');
      await expect(client.call('no-such-tool')).rejects.toThrow('no-such-tool');
      await expect(client.read('demo://no/such')).rejects.toThrow('no/such');
    });
  });

  describe('progress, and a call that is cancelled', () => {
    forEveryClient(async (connect) => {
      const client = await connect(there().url);
      const steps: number[] = [];
      const slow = { duration: 0.3, steps: 3 };
      const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
      expect(await client.call('trigger-long-running-operation', slow, { onprogress })).toContain('completed');
      expect(steps).toEqual([1, 2, 3]);
      const cancel = new AbortController();
      const begun = (async () => {
        const options = { signal: cancel.signal, onprogress: () => cancel.abort() };
        await client.call('trigger-long-running-operation', { duration: 1.5, steps: 15 }, options);
      })();
      await expect(begun).rejects.toThrow(/abort/i);
      expect(await client.call('echo', { message: 'still there' })).toContain('still there');
    });
  });

  describe('sampling, elicitation and roots', () => {
    forEveryClient(async (connect) => {
      const roots = [{ uri: 'file:///one', name: 'one' }];
      const client = await connect(there().url, { roots });
      expect(await client.call('trigger-sampling-request', { prompt: 'x' })).toContain('sampled');
      expect(await client.call('trigger-elicitation-request')).toContain('A Name');
      // The server asks by itself 350 ms after `initialized`, or in this call.
      expect(await client.call('get-roots-list')).toContain('file:///one');
      await client.changeRoots([{ uri: 'file:///two', name: 'two' }]);
      await until(async () => (await client.call('get-roots-list')).includes('file:///two'), {
        what: 'the other root',
      });
      expect(client.asked).toEqual(
        expect.arrayContaining(['sampling/createMessage', 'elicitation/create', 'roots/list']),
      );
    });
  });

  describe('log level and subscriptions', () => {
    forEveryClient(async (connect) => {
      const client = await connect(there().url);
      const uri = 'demo://resource/dynamic/text/1';
      const told = (method: string) => client.notified.filter((each) => each.method === method);
      await client.subscribe(uri);
      // The server says so while it answers.
      await until(() => told('notifications/message').length === 1, { what: 'a log message' });
      await client.setLogLevel('emergency');
      await client.subscribe('demo://resource/dynamic/text/2');
      await client.call('toggle-subscriber-updates');
      await until(() => told('notifications/resources/updated').length >= 2, { what: 'updates of both resources' });
      expect(told('notifications/message')).toHaveLength(1);
      expect(told('notifications/resources/updated')[0]?.params).toMatchObject({ uri });
      await client.call('toggle-subscriber-updates');
    });
  });
});

describe('server-filesystem, which asks for roots at once', () => {
  let folder = '';
  const there = served(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'served-')));
    return published('filesystem', folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describe('the folder of its command line', () => {
    forEveryClient(async (connect) => {
      const client = await connect(there().url);
      const file = join(folder, 'a file.txt');
      expect(await client.tools()).toEqual(expect.arrayContaining(['read_text_file', 'write_file', 'edit_file']));
      expect(await client.call('list_allowed_directories')).toContain(folder);
      await client.call('write_file', { path: file, content: 'one\ntwo 🦆\n' });
      expect(await readFile(file, 'utf8')).toBe('one\ntwo 🦆\n');
      expect(await client.call('read_text_file', { path: file, head: 1 })).toBe('one');
      await client.call('edit_file', { path: file, edits: [{ oldText: 'one', newText: 'three' }] });
      expect(await client.call('read_text_file', { path: file })).toContain('three\ntwo 🦆');
      expect(await client.call('search_files', { path: folder, pattern: '*.txt' })).toContain('a file.txt');
      await expect(client.call('read_text_file', { path: '/etc/passwd' })).rejects.toThrow('Access denied');
    });
  });

  describe("the client's roots", () => {
    forEveryClient(async (connect) => {
      const own = await mkdtemp(join(folder, 'root-'));
      await writeFile(join(own, 'own.txt'), 'of the client');
      const roots = [{ uri: pathToFileURL(own).href }];
      const client = await connect(there().url, { roots });
      const allowed = () => client.call('list_allowed_directories');
      await until(async () => (await allowed()).trimEnd().endsWith(own), { what: 'the root to be known' });
      expect(client.asked).toEqual(['roots/list']);
      expect(await client.call('read_text_file', { path: join(own, 'own.txt') })).toBe('of the client');
      const other = join(folder, 'other');
      await mkdir(other, { recursive: true });
      await client.changeRoots([{ uri: pathToFileURL(other).href }]);
      await until(async () => (await allowed()).trimEnd().endsWith(other), { what: 'the other root to be known' });
    });
  });
});

describe('server-memory', () => {
  let folder = '';
  const there = served(async () => {
    folder = await mkdtemp(join(tmpdir(), 'served-'));
    // A file for each process: sessions that write to the same one do meet there.
    const script = 'export MEMORY_FILE_PATH="$0/memory-$$.json"; exec "$@"';
    return ['sh', '-c', script, folder, ...published('memory')];
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  forEveryClient(async (connect) => {
    const client = await connect(there().url);
    expect(await client.tools()).toContain('create_entities');
    const entities = [{ name: 'Grüezi', entityType: 'greeting', observations: ['said in Zürich'] }];
    await client.call('create_entities', { entities });
    const observations = [{ entityName: 'Grüezi', contents: ['and in Bern'] }];
    await client.call('add_observations', { observations });
    const graph = JSON.parse(await client.call('read_graph'));
    expect(graph).toEqual({
      entities: [{ ...entities[0], observations: ['said in Zürich', 'and in Bern'] }],
      relations: [],
    });
    expect(await client.call('search_nodes', { query: 'bern' })).toContain('Grüezi');
    await client.call('delete_entities', { entityNames: ['Grüezi'] });
    expect(JSON.parse(await client.call('read_graph'))).toEqual({ entities: [], relations: [] });
  });
});

describe('server-sequential-thinking', () => {
  const there = served(async () => published('sequential-thinking'), '--warm', '1');

  forEveryClient(async (connect) => {
    const client = await connect(there().url);
    expect(await client.tools()).toEqual(['sequentialthinking']);
    for (const thoughtNumber of [1, 2, 3]) {
      const thought = { thought: `no. ${thoughtNumber}`, nextThoughtNeeded: true, thoughtNumber, totalThoughts: 3 };
      const answer = JSON.parse(await client.call('sequentialthinking', thought));
      expect(answer).toMatchObject({ thoughtNumber, thoughtHistoryLength: thoughtNumber });
    }
  });
});
