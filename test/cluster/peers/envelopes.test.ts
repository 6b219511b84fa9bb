/** Envelopes: what was sealed is opened once, as it was, by whom it is for; whatever else comes is not opened at all. */
import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/cluster/envelope.ts';
import { ENVELOPE_LIFETIME, Envelopes } from '../../../src/cluster/envelopes.ts';
import { Nonces } from '../../../src/cluster/nonces.ts';
import { EDGE, OWNER, SECRET } from './nodes.ts';

const OTHER = 'another secret, which is long enough';
const BODY = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"text":"ü\\n"}}\n';

const ENVELOPE: Envelope = {
  kind: 'request',
  from: EDGE,
  to: OWNER,
  sessionId: 'b.middle.tag',
  principal: 'ann',
  authInfo: { token: 'a-token-to-hide', clientId: 'client', scopes: ['a'], resource: new URL('https://a.example/') },
  method: 'POST',
  url: 'http://edge.example/mcp?a=1',
  headers: {
    'mcp-session-id': 'b.middle.tag',
    cookie: 'a=1; b=2',
    'set-cookie': ['a', 'b'],
    authorization: 'Bearer a-token-to-hide',
  },
};

function opened(envelopes: Envelopes, head: string) {
  const result = envelopes.open(head);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

test.each([
  ['with a body', BODY],
  ['with an empty one', ''],
  ['without one', undefined],
])('an envelope comes as it was: %s', (_, body) => {
  const [sender, receiver] = [new Envelopes([SECRET]), new Envelopes([SECRET])];
  const { head, content, proof } = sender.seal(ENVELOPE, body);
  const result = opened(receiver, head);
  expect(result).toMatchObject({ from: EDGE, to: OWNER, size: content.length, proof });
  expect(result.open(content)).toEqual({ envelope: ENVELOPE, body });
  expect(head).toMatch(/^[\x20-\x7e]{1,400}$/);
});

test('nothing of it can be read on the wire but who sends it to whom', () => {
  const { head, content } = new Envelopes([SECRET]).seal(ENVELOPE, BODY);
  const wire = head + Buffer.from(content).toString('latin1');
  for (const hidden of ['a-token-to-hide', 'ann', 'cookie', 'b.middle.tag', 'jsonrpc', SECRET])
    expect(wire).not.toContain(hidden);
  expect(wire).toContain(OWNER);
});

describe('is not opened:', () => {
  const envelopes = new Envelopes([SECRET]);

  test('a head of which any character was altered', () => {
    const { head } = new Envelopes([SECRET]).seal(ENVELOPE, BODY);
    for (let at = 0; at < head.length; at++) {
      for (const other of ['A', '0', ' ']) {
        if (head[at] === other) continue;
        expect(envelopes.open(head.slice(0, at) + other + head.slice(at + 1))).toBeTypeOf('string');
      }
    }
    expect(envelopes.open(head)).toBeTypeOf('object'); // none of these has used it up
  });

  test('a content of which any byte was altered, or that was cut', () => {
    const { head, content } = new Envelopes([SECRET]).seal(ENVELOPE, BODY);
    const result = opened(envelopes, head);
    for (let at = 0; at < content.length; at++) {
      const altered = Buffer.from(content);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(result.open(altered)).toBeUndefined();
    }
    for (const cut of [0, 1, 15, 16, content.length - 1]) expect(result.open(content.subarray(0, cut))).toBeUndefined();
    expect(result.open(content)).toBeDefined();
  });

  test('the content of another head of the same sender', () => {
    const sender = new Envelopes([SECRET]);
    const [one, two] = [sender.seal(ENVELOPE, BODY), sender.seal(ENVELOPE, BODY)];
    expect(opened(envelopes, one.head).open(two.content)).toBeUndefined();
  });

  test.each([
    ['of another cluster', new Envelopes([OTHER]).seal(ENVELOPE, BODY).head, 'forged'],
    ['empty', '', 'unknown'],
    ['of a newer format', new Envelopes([SECRET]).seal(ENVELOPE, BODY).head.replace(/^1/, '2'), 'unknown'],
    ['without a signature', '1 x y', 'forged'],
    ['of a megabyte', `1 ${'x'.repeat(2 ** 20)}`, 'forged'],
  ])('a head %s', (_, head, refusal) => {
    expect(envelopes.open(head)).toBe(refusal);
  });

  test('one that came before', () => {
    const { head } = new Envelopes([SECRET]).seal(ENVELOPE, BODY);
    opened(envelopes, head);
    expect(envelopes.open(head)).toBe('replayed');
  });

  test.each([-1, 1])('one whose time is more than 10 s away: %i', (sign) => {
    const now = 1_700_000_000_000;
    const sealed = (at: number) => new Envelopes([SECRET], () => at).seal(ENVELOPE, BODY).head;
    const receiver = new Envelopes([SECRET], () => now);
    expect(receiver.open(sealed(now + sign * (ENVELOPE_LIFETIME + 1)))).toBe('expired');
    expect(receiver.open(sealed(now + sign * ENVELOPE_LIFETIME))).toBeTypeOf('object');
  });
});

test('one that came before is known for as long as it could be opened', () => {
  let now = 1_700_000_000_000;
  const receiver = new Envelopes([SECRET], () => now);
  const { head } = new Envelopes([SECRET], () => now + ENVELOPE_LIFETIME).seal(ENVELOPE, BODY);
  opened(receiver, head);
  for (let passed = 0; passed <= 2 * ENVELOPE_LIFETIME; passed += 500, now += 500) {
    expect(receiver.open(new Envelopes([SECRET], () => now).seal(ENVELOPE, BODY).head)).toBeTypeOf('object');
    expect(receiver.open(head)).toBe('replayed');
  }
  now += 1;
  expect(receiver.open(head)).toBe('expired');
});

test('nonces are bounded, and forgotten in time', () => {
  const nonces = new Nonces(20_000);
  for (let n = 0; n < 200_000; n++) expect(nonces.take(String(n), 1_000)).toBe('taken');
  expect(nonces.take('more', 1_000)).toBe('full');
  expect(nonces.take('5', 20_999)).toBe('replayed');
  expect(nonces.take('5', 21_000)).toBe('replayed');
  expect(nonces.take('more', 21_000)).toBe('taken');
  expect(nonces.take('5', 41_000)).toBe('taken');
  expect(nonces.take('more', 200_000)).toBe('taken');
});

test('nonces take up no more room after a clock was set back', () => {
  const nonces = new Nonces(20_000);
  expect(nonces.take('a', 3_600_000)).toBe('taken');
  for (let n = 0; n < 200_000; n++) if (nonces.take(String(n), 1_000) !== 'taken') throw new Error(`${n}`);
  expect(nonces.take('a', 1_000)).toBe('replayed');
  expect(nonces.take('more', 21_000)).toBe('taken');
});

test('secrets are exchanged one node after the other: all are believed, the first one seals', () => {
  const [before, during, after] = [[SECRET], [OTHER, SECRET], [OTHER]].map((secrets) => new Envelopes(secrets));
  const send = (from: Envelopes | undefined, to: Envelopes | undefined) => {
    const { head, content } = from?.seal(ENVELOPE, BODY) ?? { head: '', content: Buffer.alloc(0) };
    const result = to?.open(head);
    return typeof result === 'object' ? result.open(content)?.body : result;
  };
  expect(send(before, during)).toBe(BODY);
  expect(send(during, after)).toBe(BODY);
  expect(send(during, before)).toBe('forged');
  expect(send(before, after)).toBe('forged');
});

test('what of authInfo is no JSON stays behind', () => {
  const authInfo = { token: 't', clientId: 'c', scopes: [], expiresAt: 5n as unknown as number };
  const { head, content } = new Envelopes([SECRET]).seal({ ...ENVELOPE, authInfo }, BODY);
  const { envelope } = opened(new Envelopes([SECRET]), head).open(content) ?? {};
  expect(envelope?.authInfo).toEqual({ token: 't', clientId: 'c', scopes: [] });
});

test('what of authInfo.extra is no JSON stays behind', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const extra = { sub: 'ann', big: 1n, cycle };
  const authInfo = { token: 't', clientId: 'c', scopes: [], extra };
  const { head, content } = new Envelopes([SECRET]).seal({ ...ENVELOPE, authInfo }, BODY);
  const { envelope, body } = opened(new Envelopes([SECRET]), head).open(content) ?? {};
  expect(envelope?.authInfo).toEqual({ ...authInfo, extra: { sub: 'ann' } });
  expect(body).toBe(BODY);
});
