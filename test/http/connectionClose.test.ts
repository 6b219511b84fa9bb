/** How the end of a connection is noticed, over a socket that does what the test says. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { onCloseWhileWaiting, onConnectionClose } from '../../src/http/connectionClose.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const EVERY = 15_000;

/** A connection, the answer whose turn it is, and who waits. */
function given({ keepAliveInterval = EVERY, minor = 1 } = {}) {
  const did: string[] = [];
  const current = {
    headersSent: false,
    req: { httpVersionMinor: minor },
    writeProcessing: () => void did.push('an interim answer'),
  };
  const socket = Object.assign(new EventEmitter(), {
    _httpMessage: current as typeof current | null,
    paused: true,
    destroyed: false,
    isPaused: () => socket.paused,
    destroy: () => {
      did.push('the end');
      socket.destroyed = true;
    },
  });
  const clock = new WatchedClock();
  const connection = socket as unknown as Socket;
  const add = (name: string) => onConnectionClose(connection, () => did.push(name));
  const wait = (name: string) => onCloseWhileWaiting(connection, () => did.push(name), { clock, keepAliveInterval });
  const pending = () => clock.pending.map(({ delay }) => delay);
  return { socket, current, clock, did, add, wait, pending };
}

test('whoever listens is told when it ends, by one listener of the connection', () => {
  const { socket, did, add } = given();
  add('first');
  const unlisten = add('second');
  add('third');
  expect(socket.listenerCount('close')).toBe(1);
  unlisten();
  socket.emit('close');
  expect(did).toEqual(['first', 'third']);
});

describe('while an answer waits for its turn', () => {
  test('a connection that is not read from is sent an interim answer each interval', () => {
    const { clock, did, wait, pending } = given();
    wait('told');
    clock.increment(EVERY - 1);
    expect(did).toEqual([]);
    clock.increment(1);
    clock.increment(EVERY);
    expect(did).toEqual(['an interim answer', 'an interim answer']);
    expect(pending()).toEqual([EVERY]);
  });

  test('however many wait, it is tried once each interval', () => {
    const { clock, did, wait, pending } = given();
    wait('first');
    wait('second');
    expect(pending()).toEqual([EVERY]);
    clock.increment(EVERY);
    wait('third');
    expect([did, pending()]).toEqual([['an interim answer'], [EVERY]]);
  });

  test('one that is read from is left alone, until it is not any more', () => {
    const { socket, clock, did, wait } = given();
    socket.paused = false;
    wait('told');
    clock.increment(EVERY);
    expect(did).toEqual([]);
    socket.paused = true;
    clock.increment(EVERY);
    expect(did).toEqual(['an interim answer']);
  });

  test('one whose answer has begun, or that has none, is left alone', () => {
    const { socket, current, clock, did, wait } = given();
    current.headersSent = true;
    wait('told');
    clock.increment(EVERY);
    socket._httpMessage = null;
    clock.increment(EVERY);
    expect(did).toEqual([]);
  });

  test('one of HTTP/1.0 is ended, and not tried again', () => {
    const { clock, did, wait, pending } = given({ minor: 0 });
    wait('told');
    clock.increment(EVERY);
    expect([did, pending()]).toEqual([['the end'], []]);
  });

  test('none is tried where the interval is Infinity', () => {
    const { socket, did, wait, pending } = given({ keepAliveInterval: Number.POSITIVE_INFINITY });
    wait('told');
    expect(pending()).toEqual([]);
    socket.emit('close');
    expect(did).toEqual(['told']);
  });

  test('it is tried until nobody waits, and again when somebody does', () => {
    const { wait, pending } = given();
    const [first, second] = [wait('first'), wait('second')];
    first();
    expect(pending()).toEqual([EVERY]);
    second();
    expect(pending()).toEqual([]);
    wait('third');
    expect(pending()).toEqual([EVERY]);
  });

  test('it is not tried once it has ended', () => {
    const { socket, did, wait, pending } = given();
    wait('told');
    socket.emit('close');
    expect([did, pending()]).toEqual([['told'], []]);
  });
});
