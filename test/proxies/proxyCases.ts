/** What every proxy has to let through, by its configuration in docs/proxies.md, before the nodes of docs/operations.md. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { SseParser } from '../support/sse.ts';
import { until, withTimeout } from '../support/until.ts';
import { callBody, initializeBody, sessionHeaders } from '../support/wire.ts';
import { type Node, type Ports, startNodes } from './nodes.ts';
import { connectThrough, DOMAIN, FOREIGN, type ProxiedClient, resolveNames } from './proxiedClient.ts';
import { type ProxyName, type RunningProxy, startProxy } from './proxy.ts';
import { RollingLoad } from './rollingLoad.ts';

const CLIENTS = 12;
const LEAST_CALLS = 2_000;
/** How long a proxy waits for a silent connection where a stream is to live longer than that, in ms. */
const IDLE = 2_000;
const LARGEST_BODY = 4 * 1024 * 1024;

export function describeProxy(name: ProxyName): void {
  const command = useCommand();
  const ends: (() => Promise<void>)[] = [];
  let nodes: readonly Node[];
  let ports: Ports;
  let proxy: RunningProxy;

  beforeAll(async () => {
    resolveNames();
    const onEnd = (end: () => Promise<void>) => void ends.unshift(end);
    ({ nodes, ports } = await startNodes(command, onEnd));
    proxy = await startProxy(name, { ports, onEnd });
    await until(async () => (await initialize(proxy.url)).status === 200, { within: 10_000, what: 'a way through it' });
  }, 60_000);
  afterAll(async () => {
    for (const end of ends) await end();
  }, 30_000);

  const connect = async (): Promise<ProxiedClient> => {
    const client = await connectThrough(proxy.url);
    onTestFinished(() => client.close());
    return client;
  };

  describe(`behind ${name}`, { timeout: 240_000 }, () => {
    test('a client opens a session, and its calls are of that session', async () => {
      const { call, sessionId } = await connect();
      expect([await call('count'), await call('count'), await call('count')]).toEqual(['1', '2', '3']);
      expect(sessionId).toMatch(/^n[12]\./);
    });

    test('the first event of an answer arrives before the call ends', async () => {
      const { call, heard } = await connect();
      const answer = call('hold');
      await until(() => heard.includes('began'), { what: 'the first event' });
      await call('release');
      expect(await withTimeout(answer)).toBe('released');
    });

    test('a GET stream lives on over several times of what the proxy waits for', async () => {
      const { url } = await startProxy(name, { ports, idle: `${IDLE / 1_000}s`, onEnd: onTestFinished });
      await until(async () => (await initialize(url)).status === 200, { within: 10_000, what: 'a way through it' });
      // Nobody else has a stream of this session, so that what is announced is said on this one.
      const { sessionId } = await initialize(url);
      const stream = await Stream.open(url, sessionId);
      const begun = performance.now();
      await stream.read(() => performance.now() - begun > 3 * IDLE);
      expect(stream.comments).toBeGreaterThanOrEqual(8);
      expect((await send(url, sessionHeaders(sessionId), JSON.stringify(callBody('announce')))).status).toBe(200);
      await withTimeout(
        stream.read(() => stream.text.includes('announced')),
        { what: 'what is announced' },
      );
    });

    test('a call that the proxy cuts off is resumed, and answered once', async () => {
      const { call, heard, statuses } = await connect();
      const answer = call('hold');
      await until(() => heard.includes('began'), { what: 'the call to begin' });
      const before = statuses.length;
      await proxy.restart();
      const released = async () => {
        const done = await call('release').catch(() => undefined);
        return done === 'done';
      };
      await until(released, { within: 15_000, what: 'a release that arrives' });
      expect(await withTimeout(answer, { within: 15_000, what: 'the answer on another connection' })).toBe('released');
      expect(heard).toEqual(['began']);
      expect(statuses.length).toBeGreaterThan(before + 1);
    });

    test('bodies of up to 4 MiB pass, both ways, and refusals are ours, but that of a larger body', async () => {
      const { call, sessionId } = await connect();
      const length = LARGEST_BODY - 1_000;
      expect(await call('length', { text: 'x'.repeat(length) })).toBe(String(length));
      expect(await call('text', { length })).toHaveLength(length);
      const refused = await send(
        proxy.url,
        {},
        JSON.stringify(initializeBody({ clientInfo: { name: 'x'.repeat(100_000), version: '1' } })),
      );
      expect([refused.status, await refused.json()]).toMatchObject([413, { error: { code: -32000 } }]);
      // The others refuse, or pass on, what is still coming: who sends it sees that, or the end of the connection.
      if (name !== 'nginx') return;
      const larger = await send(proxy.url, { 'mcp-session-id': sessionId }, `"${'x'.repeat(LARGEST_BODY)}"`);
      expect(larger.status).toBe(413);
    });

    test('a name that is not of --allowed-hosts leads to no session', async () => {
      const foreign = await initialize(proxy.url.replace(DOMAIN, FOREIGN));
      // Caddy knows only the sites that it is told of, and has an empty answer for others.
      const expected =
        name === 'caddy' ? { status: 200, text: '' } : { status: 403, text: expect.stringContaining('-32000') };
      expect(foreign).toMatchObject(expected);
      const direct = (host: string) => initialize(`http://${host}:${ports.endpoint}/mcp`);
      expect(await direct(FOREIGN)).toMatchObject({ status: 403 });
      expect(await direct(DOMAIN)).toMatchObject({ status: 200 });
    });

    test('a node is killed: its session goes on at the other one', async () => {
      const { call, sessionId } = await connect();
      expect(await call('count')).toBe('1');
      const node = nodes[sessionId.startsWith('n1.') ? 0 : 1];
      await node?.kill();
      // Held until the lease of the one that is gone has run out.
      const next = () => (name === 'caddy' ? call('count').catch(refused) : call('count'));
      expect(await until(next, { within: 20_000, what: 'a call at the other node' })).toBe('2');
      await node?.start();
    });

    test('each node is restarted under load: no 502 (but in the last moment of nginx), no 503 or 504, and nothing is done twice', async () => {
      const load = new RollingLoad(proxy.url, CLIENTS);
      onTestFinished(() => load.stop());
      for (const node of nodes) {
        expect(await node.stop()).toBe(0);
        await node.start();
      }
      await until(() => load.calls >= LEAST_CALLS || load.troubles.length > 0, {
        within: 150_000,
        what: 'enough calls',
      });
      await load.stop();
      console.log(`${name}: ${load.calls} calls in ${load.sessions} sessions`);
      if (load.troubles.length > 0) console.log(proxy.said(), ...nodes.map((node) => node.said()));
      expect(load.troubles.filter((what) => !isOfLastMoment(name, what))).toEqual([]);
      expect(load.troubles.length).toBeLessThanOrEqual(name === 'nginx' ? 3 * CLIENTS : 0);
      expect(load.sessions).toBeGreaterThan(CLIENTS);
    });
  });
}

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/**
 * nginx sends to a node until that refuses. Where others have the cores, a connection may be in the node's queue as that
 * closes its port: it is reset. The client is told so three times over, as an error and as a status.
 */
function isOfLastMoment(name: ProxyName, what: string): boolean {
  return name === 'nginx' && /\b502\b|terminated/.test(what);
}

/** What Caddy 2.6 says of a call whose connection was refused, until it has asked the node. */
function refused(error: Error & { readonly code?: number }): undefined {
  if (error.code !== 502) throw error;
}

interface Opened {
  readonly status: number;
  readonly text: string;
  readonly sessionId: string;
}

function send(url: string, headers: Record<string, string>, body: string): Promise<Response> {
  const sent = fetch(url, { method: 'POST', headers: { ...HEADERS, ...headers }, body });
  return withTimeout(sent, { within: 10_000, what: 'an answer through the proxy' });
}

async function initialize(url: string): Promise<Opened> {
  const response = await send(url, {}, JSON.stringify(initializeBody()));
  const sessionId = response.headers.get('mcp-session-id') ?? '';
  return { status: response.status, text: await response.text(), sessionId };
}

/** A GET stream, as it is on the wire. */
class Stream {
  text = '';
  comments = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #parser = new SseParser();

  private constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
  }

  static async open(url: string, sessionId: string): Promise<Stream> {
    const headers = { accept: 'text/event-stream', 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' };
    const { status, body } = await withTimeout(fetch(url, { headers }), { what: 'the head of a stream' });
    if (status !== 200 || body === null) throw new Error(`A GET got ${status}`);
    const stream = new Stream(body.getReader() as ReadableStreamDefaultReader<Uint8Array>);
    onTestFinished(() => stream.#reader.cancel().catch(() => {}));
    return stream;
  }

  /** Reads until this is so. @throws where the stream ends before. */
  async read(enough: () => boolean): Promise<void> {
    while (!enough()) {
      const { done, value } = await withTimeout(this.#reader.read(), { what: 'something on the stream' });
      if (done) throw new Error(`The stream ended after ${JSON.stringify(this.text)}`);
      const text = Buffer.from(value).toString('utf8');
      this.text += text;
      this.comments += this.#parser.push(text).comments.length;
    }
  }
}
