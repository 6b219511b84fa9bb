/** The listener's end, which cuts nobody, and connections with certificates. */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/cluster/envelope.ts';
import { Envelopes } from '../../../src/cluster/envelopes.ts';
import { FRAME } from '../../../src/cluster/link/frames.ts';
import type { PeerTls } from '../../../src/cluster/peerNetwork.ts';
import { rawSocket } from '../../support/rawSocket.ts';
import { until, withTimeout } from '../../support/until.ts';
import { post } from '../../support/wire.ts';
import { EDGE, edge, OWNER, peerOwner, SECRET } from './nodes.ts';
import { nameOf, rawLink } from './rawLink.ts';

const ENVELOPE: Envelope = {
  ...{ kind: 'request', from: EDGE, to: OWNER, sessionId: '', principal: null, authInfo: undefined },
  ...{ method: 'GET', url: 'http://edge.example/mcp', headers: {} },
};

const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: {} };

describe('a listener that closes', () => {
  test('answers what is open and what still comes on its links; takes no new ones', async () => {
    const owner = await peerOwner(({ sessionId, moved }) => {
      if (sessionId === '') moved('c#1');
    });
    const here = await edge(owner);
    const open = post(here.url, CALL, { 'mcp-session-id': 's' });
    await until(() => owner.forwarded.length === 1);
    const idle = await rawLink(owner.port);
    const unused = await rawSocket(owner.port);
    let closed = false;
    const closing = owner.listener.close().then(() => {
      closed = true;
    });
    await until(() => idle.frames.length > 0);
    expect(idle.frames.map(nameOf)).toEqual(['closing']); // it was not cut, and can still ask
    const { head, content, proof } = new Envelopes([SECRET]).seal(ENVELOPE, undefined);
    idle.say([FRAME.request, 1, head], [FRAME.content, 1, content], [FRAME.end, 1]);
    expect(await idle.answer(1)).toMatchObject({ status: 421, peer: `${proof} moved c#1` });
    unused.write('GET / HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const refused = await unused.readResponse();
    expect([refused.status, refused.headers['connection']]).toEqual([503, 'close']);
    await expect(rawSocket(owner.port)).rejects.toThrow('ECONNREFUSED');
    expect((await post(here.url, CALL)).json()).toEqual({ outcome: 'unreached' });
    idle.socket.close();
    expect(closed).toBe(false);
    owner.forwarded[0]?.exchange.respond(200, {}, 'answer');
    expect((await open).text).toBe('answer');
    await withTimeout(closing, { what: 'the listener to be closed' });
    expect(await withTimeout(owner.listener.close())).toBeUndefined();
  });

  test('has its peers close their links', async () => {
    const owner = await peerOwner(({ moved }) => moved('c#1'));
    const here = await edge(owner);
    expect((await post(here.url, CALL)).json()).toEqual({ outcome: 'moved', owner: 'c#1' });
    await withTimeout(owner.listener.close(), { within: 3_000, what: 'the listener to be closed, before its bound' });
  });

  test('cuts what is left after its bound', async () => {
    const owner = await peerOwner(() => {});
    const here = await edge(owner);
    const answer = post(here.url, CALL, {}, { within: 9_000 });
    await until(() => owner.forwarded.length === 1);
    await withTimeout(owner.listener.close(), { within: 8_000 });
    expect((await answer).status).toBe(503);
  });
});

test('an address that can not be bound is told', async () => {
  const { port } = await peerOwner(() => {});
  await expect(peerOwner(() => {}, { listen: { port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

describe('with certificates', async () => {
  const file = (name: string) => readFile(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
  const [key, cert, ca] = await Promise.all([file('node.key'), file('node.crt'), file('ca.crt')]);
  const servername = 'node.peers.example';
  const node = { key, cert, ca, servername };

  const outcome = async (listening: PeerTls, sending: PeerTls | undefined) => {
    const owner = await peerOwner(({ exchange }) => exchange.respond(200, {}, 'answer'), {
      listen: { tls: listening },
    });
    expect(owner.listener.url).toMatch(/^https:/);
    const { url, results } = await edge(owner, { links: { tls: sending } });
    const { text } = await post(url, CALL);
    const second = await post(url, CALL);
    expect(second.text).toBe(text);
    const { outcome } = (await results[0]) ?? {};
    return outcome === 'answered' ? text : outcome;
  };

  test('of a common authority nodes believe one another', async () => {
    expect(await outcome(node, node)).toBe('answer');
  });

  test.each([
    ['an authority that the sender does not know', node, undefined],
    ['another name than that of the URL', node, { key, cert, ca }],
  ])('of %s: nothing is delivered', async (_, listening, sending) => {
    expect(await outcome(listening, sending)).toBe('unreached');
  });

  test('asked of both sides', async () => {
    const asking = { ...node, requestCert: true };
    expect(await outcome(asking, node)).toBe('answer');
    const owner = await peerOwner(() => {}, { listen: { tls: asking } });

    const refused = new Promise((_, reject) => {
      request(owner.listener.url, { agent: new Agent(), ca, servername }).on('error', reject).end();
    });
    await expect(withTimeout(refused)).rejects.toThrow();
    expect(owner.incoming).toEqual([]);
  });
});
