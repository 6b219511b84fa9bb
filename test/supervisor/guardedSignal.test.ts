/** A guarded signal is an AbortSignal like any other, but for what becomes of its listeners' errors. */
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { guardedSignal } from '../../src/supervisor/guardedSignal.ts';
import { listen } from '../support/listen.ts';
import { turns, withTimeout } from '../support/until.ts';

/** A signal, what aborts it, and what its listeners threw; the process must hear of none of that. */
function guarded() {
  const controller = new AbortController();
  const errors: unknown[] = [];
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', note).on('unhandledRejection', note);
  onTestFinished(async () => {
    await turns(3);
    process.off('uncaughtException', note).off('unhandledRejection', note);
    expect(uncaught).toEqual([]);
  });
  const signal = guardedSignal(controller.signal, (error) => errors.push(error));
  return { signal, errors, abort: () => controller.abort() };
}

const oops = new Error('thrown by a listener');
const throws = () => {
  throw oops;
};

test.each<[string, (signal: AbortSignal) => void]>([
  ['a function that throws', (signal) => signal.addEventListener('abort', throws)],
  ['a function that rejects', (signal) => signal.addEventListener('abort', () => Promise.reject(oops))],
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
  ['a thenable that fails', (signal) => signal.addEventListener('abort', () => ({ then: throws }) as never)],
  ['one for once', (signal) => signal.addEventListener('abort', throws, { once: true })],
  ['an object that throws', (signal) => signal.addEventListener('abort', { handleEvent: throws })],
  ['an object that rejects', (signal) => signal.addEventListener('abort', { handleEvent: async () => throws() })],
  ['an object without its method', (signal) => signal.addEventListener('abort', {} as never)],
  [
    'onabort that throws',
    (signal) => {
      signal.onabort = throws;
    },
  ],
  [
    'onabort that rejects',
    (signal) => {
      signal.onabort = async () => throws();
    },
  ],
])('%s is told of, once, and the others hear of the abort', async (_name, listen) => {
  const { signal, errors, abort } = guarded();
  const others = { before: vi.fn(), after: vi.fn() };
  signal.addEventListener('abort', others.before);
  listen(signal);
  signal.addEventListener('abort', others.after);
  abort();
  await turns(3);
  expect(errors).toHaveLength(1);
  expect(others.before).toHaveBeenCalledTimes(1);
  expect(others.after).toHaveBeenCalledTimes(1);
});

test('it is an AbortSignal, and its listeners get the event on it', () => {
  const { signal, abort } = guarded();
  const heard: unknown[] = [];
  const object = {
    handleEvent(this: unknown, event: Event) {
      heard.push(this === object, event.target === signal);
    },
  };
  signal.addEventListener('abort', function (this: unknown, event: Event) {
    heard.push(this === signal, event.type);
  });
  signal.addEventListener('abort', object);
  expect(signal).toBeInstanceOf(AbortSignal);
  expect(signal.aborted).toBe(false);
  expect(() => signal.throwIfAborted()).not.toThrow();
  abort();
  expect(heard).toEqual([true, 'abort', true, true]);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ name: 'AbortError' });
  expect(() => signal.throwIfAborted()).toThrow();
});

test('a listener is added once, and removed by what was added', () => {
  const { signal, abort } = guarded();
  const [twice, removed, captured, expired] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
  const object = { handleEvent: vi.fn() };
  signal.addEventListener('abort', twice);
  signal.addEventListener('abort', twice);
  signal.addEventListener('abort', removed);
  signal.removeEventListener('abort', removed);
  signal.addEventListener('abort', captured, { capture: true });
  signal.removeEventListener('abort', captured);
  signal.removeEventListener('abort', captured, { capture: true });
  signal.addEventListener('abort', object);
  signal.removeEventListener('abort', object);
  signal.removeEventListener('abort', () => {});
  const ended = new AbortController();
  signal.addEventListener('abort', expired, { signal: ended.signal });
  ended.abort();
  abort();
  expect(twice).toHaveBeenCalledTimes(1);
  for (const silent of [removed, captured, expired, object.handleEvent]) expect(silent).not.toHaveBeenCalled();
});

test('the same listener hears of several events', () => {
  const { signal, errors } = guarded();
  const listener = vi.fn();
  signal.addEventListener('one', listener, { once: true });
  signal.addEventListener('two', listener);
  signal.addEventListener('two', throws);
  for (const type of ['one', 'one', 'two', 'two']) signal.dispatchEvent(new Event(type));
  expect(listener).toHaveBeenCalledTimes(3);
  expect(errors).toEqual([oops, oops]);
});

test('onabort is what was set, and the last one counts', () => {
  const { signal, abort } = guarded();
  const [first, second] = [vi.fn(), vi.fn()];
  expect(signal.onabort).toBeNull();
  signal.onabort = first;
  expect(signal.onabort).toBe(first);
  signal.onabort = null;
  expect(signal.onabort).toBeNull();
  signal.onabort = second;
  signal.onabort = 'nonsense' as never;
  expect(signal.onabort).toBeNull();
  signal.onabort = second;
  abort();
  expect(first).not.toHaveBeenCalled();
  expect(second).toHaveBeenCalledTimes(1);
});

test('what is no listener is treated as by any AbortSignal', () => {
  const { signal } = guarded();
  const plain = new AbortController().signal;
  vi.spyOn(process, 'emitWarning').mockReturnValue(); // of Node, for null
  const outcome = (add: () => unknown) => {
    try {
      return add();
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  };
  for (const given of [[], ['abort'], ['abort', null], ['abort', 1], ['abort', 'text'], ['abort', {}, 1]]) {
    const [ours, nodes] = [signal, plain].map((target) =>
      outcome(() => Reflect.apply(target.addEventListener, target, given)),
    );
    expect(ours).toEqual(nodes);
  }
});

test('Node and its fetch listen to it', async () => {
  const server = createServer(() => {});
  const { url, close } = await listen(server);
  onTestFinished(close);
  const { signal, errors, abort } = guarded();
  const any = AbortSignal.any([signal, new AbortController().signal]);
  const asked = once(server, 'request');
  const waits = [fetch(url, { signal }), once(new EventEmitter(), 'never', { signal })];
  const failures = Promise.allSettled(waits);
  await withTimeout(asked, { what: 'the request' });
  abort();
  const settled = await withTimeout(failures, { what: 'what waits to be aborted' });
  expect(settled).toMatchObject([
    { status: 'rejected', reason: { name: 'AbortError' } },
    { status: 'rejected', reason: { name: 'AbortError' } },
  ]);
  expect(any.aborted).toBe(true);
  expect(errors).toEqual([]);
});
