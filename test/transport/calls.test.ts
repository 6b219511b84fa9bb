/** A session's account of its calls: ids that are used again, tokens, cancelled handlers, the bound. */
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import type { Answer } from '../../src/transport/answer.ts';
import { type Call, Calls } from '../../src/transport/calls.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

const answer = {} as Answer;

function request(id: string | number, progressToken?: string | number): JSONRPCRequest {
  const params = progressToken === undefined ? { name: 'a' } : { name: 'a', _meta: { progressToken, other: 1 } };
  return { jsonrpc: '2.0', id, method: 'tools/call', params };
}

const progress = (progressToken: unknown): JSONRPCMessage =>
  ({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }) as JSONRPCMessage;

function given() {
  const clock = new SimulatedClock();
  return { clock, calls: new Calls(clock) };
}

const aliasOf = ({ id }: JSONRPCRequest) => id;

test('a call goes to its server as it came', () => {
  const { calls } = given();
  const one = request(1, 'token');
  expect(calls.add(one, answer)).toBe(one);
  expect(calls.find(1)).toBe(calls.named(1));
  expect(calls.translate(progress('token'))).toEqual(progress('token'));
});

test('an id that is used again while its first call runs is another one for the server', () => {
  const { calls } = given();
  calls.add(request(1), answer);
  const first = calls.find(1);
  if (first === undefined) throw new Error('no first call');
  calls.abandon(first);
  const again = calls.add(request(1), answer);
  expect(again.id).not.toBe(1);
  expect(again).toEqual({ ...request(1), id: again.id });
  const second = calls.find(again.id);
  expect(calls.named(1)).toBe(second);
  expect(second).toMatchObject({ id: 1, awaited: true });
  expect(calls.find(1)).toBe(first);
  expect(calls.awaited).toBe(1);

  // The second is over: the id means nothing any more, the abandoned first call least of all.
  if (second !== undefined) calls.delete(second);
  expect(calls.named(1)).toBeUndefined();
  calls.delete(first);
  expect(calls.add(request(1), answer).id).toBe(1);
});

test('and a third time, and when the alias is an id of the client’s own', () => {
  const { calls } = given();
  const ids = new Set<string | number>();
  for (let n = 0; n < 3; n++) {
    ids.add(aliasOf(calls.add(request('x'), answer)));
    const call = calls.named('x');
    if (call !== undefined) calls.abandon(call);
  }
  expect(ids.size).toBe(3);
  for (const id of [...ids].slice(1)) {
    const clash = calls.add(request(id), answer);
    expect(clash.id).not.toBe(id);
    expect(calls.named(id)).toBe(calls.find(clash.id));
  }
});

test('progress under the token of an abandoned call is nobody’s; a call that uses the token again hears its own', () => {
  const { calls } = given();
  calls.add(request(1, 't'), answer);
  const first = calls.find(1);
  if (first === undefined) throw new Error('no first call');
  calls.abandon(first);
  expect(calls.translate(progress('t'))).toBeUndefined();
  const again = calls.add(request(2, 't'), answer);
  const token = again.params?._meta?.progressToken;
  expect(again).toEqual({ ...request(2, 't'), params: { name: 'a', _meta: { progressToken: token, other: 1 } } });
  expect(token).not.toBe('t');
  expect(calls.translate(progress(token))).toEqual(progress('t'));
  expect(calls.translate(progress('t'))).toBeUndefined();
  const second = calls.find(2);
  if (second !== undefined) calls.abandon(second);
  expect(calls.translate(progress(token))).toBeUndefined();
  calls.delete(first);
  expect(calls.translate(progress('t'))).toEqual(progress('t'));
  expect(calls.translate(progress(undefined))).toEqual(progress(undefined));
});

test('a cancelled call counts, and keeps id and token from others, for a minute', () => {
  const { clock, calls } = given();
  calls.add(request(1, 't'), answer);
  const call = calls.named(1);
  if (call === undefined) throw new Error('no call');
  calls.cancel(call);
  expect(calls.named(1)).toBeUndefined();
  expect(calls.awaited).toBe(0);
  expect(calls.hasRoomFor(4_096)).toBe(false);
  expect(calls.hasRoomFor(4_095)).toBe(true);
  expect(calls.translate(progress('t'))).toBeUndefined();
  clock.increment(59_999);
  expect(aliasOf(calls.add(request(1), answer))).not.toBe(1);
  clock.increment(1);
  expect(calls.hasRoomFor(4_095)).toBe(true);
  expect(calls.translate(progress('t'))).toEqual(progress('t'));
  const late = calls.named(1);
  if (late !== undefined) calls.delete(late);
  expect(aliasOf(calls.add(request(1), answer))).toBe(1);
});

test('abandoned calls count until they are answered', () => {
  const { calls } = given();
  for (let id = 0; id < 4_096; id++) calls.add(request(id), answer);
  for (const call of calls) calls.abandon(call);
  expect(calls.awaited).toBe(0);
  expect(calls.hasRoomFor(1)).toBe(false);
  const first = calls.find(0);
  if (first !== undefined) calls.delete(first);
  expect(calls.hasRoomFor(1)).toBe(true);
  expect(calls.hasRoomFor(2)).toBe(false);
});

test('while a cancelled call counts, other ids are as they came', () => {
  const { calls } = given();
  calls.add(request(1), answer);
  const call = calls.named(1);
  if (call !== undefined) calls.cancel(call);
  expect(aliasOf(calls.add(request(2), answer))).toBe(2);
});

test('a call stops being awaited once, whatever becomes of it', () => {
  const { calls } = given();
  for (const id of [1, 2]) calls.add(request(id, 't'), answer);
  const call = calls.find(1);
  if (call === undefined) throw new Error('no call');
  calls.abandon(call);
  calls.abandon(call);
  expect([calls.awaited, call.awaited]).toEqual([1, false]);
  calls.delete(call);
  calls.delete(call);
  calls.abandon(call); // it was answered: nothing is to be kept from anybody
  expect(calls.awaited).toBe(1);
  expect(calls.translate(progress('t'))).toEqual(progress('t'));
});

test('only progress is translated, whatever else names a token', () => {
  const { calls } = given();
  calls.add(request(1, 't'), answer);
  const call = calls.find(1);
  if (call !== undefined) calls.abandon(call);
  const other = { ...progress('t'), method: 'notifications/message' } as JSONRPCMessage;
  expect(calls.translate(other)).toBe(other);
});

test('an alias is no id that a call of the client’s own has', () => {
  const { calls } = given();
  const taken = aliasOf(request('mcp-session-supervisor/1'));
  calls.add(request(taken), answer);
  calls.add(request('x'), answer);
  const call = calls.named('x');
  if (call !== undefined) calls.abandon(call);
  const alias = aliasOf(calls.add(request('x'), answer));
  expect(alias).not.toBe(taken);
  expect([calls.find(taken)?.id, calls.find(alias)?.id]).toEqual([taken, 'x']);
});

test('a call whose client comes back for it is awaited again, and its progress heard; one that is over is not', () => {
  const { calls } = given();
  calls.add(request(1, 't'), answer);
  const call = calls.find(1);
  if (call === undefined) throw new Error('no call');
  calls.abandon(call);
  expect([calls.awaited, calls.translate(progress('t'))]).toEqual([0, undefined]);
  calls.resume(call);
  calls.resume(call);
  expect([calls.awaited, call.awaited, calls.translate(progress('t'))]).toEqual([1, true, progress('t')]);
  calls.delete(call);
  calls.resume(call);
  expect([calls.awaited, call.awaited]).toEqual([0, false]);
});

test('an id means the last call under it, though one under an alias was left and runs on', () => {
  const { calls } = given();
  const left = () => {
    calls.add(request(1), answer);
    const call = calls.named(1) as Call;
    calls.abandon(call);
    return call;
  };
  const first = left();
  const second = left();
  expect(second.alias).not.toBe(1);
  calls.delete(first);
  expect(calls.add(request(1), answer).id).toBe(1);
  expect(calls.named(1)).toBe(calls.find(1));
  expect(calls.named(1)?.awaited).toBe(true);
});
