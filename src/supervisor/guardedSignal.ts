/**
 * The signal that a factory gets. Node throws what a listener of an `AbortSignal` throws, or rejects with, where nobody
 * can catch it, which ends the process; so each listener is wrapped when it is added. It stays the signal that it was, and
 * what follows it (`AbortSignal.any`, `fetch`) follows it as before.
 */
import { callBack } from './callback.ts';

type Add = EventTarget['addEventListener'];
type Remove = EventTarget['removeEventListener'];
type Listener = Parameters<Add>[1];

/** Guards a signal, and returns it. `failed` is told what a listener threw, or rejected with. */
export function guardedSignal(signal: AbortSignal, failed: (error: unknown) => void): AbortSignal {
  // The same wrapper each time, so that a listener is added once only, and removed by what was added.
  const wrappers = new WeakMap<object, Listener>();
  const wrapperOf = (listener: Listener): Listener => {
    if (typeof listener !== 'function' && (typeof listener !== 'object' || listener === null)) return listener;
    const known = wrappers.get(listener);
    if (known !== undefined) return known;
    const wrapper = (event: Event) => callBack(() => call(listener, signal, event), failed);
    wrappers.set(listener, wrapper).set(wrapper, wrapper); // Node removes by itself what it was given, a wrapper
    return wrapper;
  };
  // As many as were given, since Node counts them.
  const wrapped = (given: readonly unknown[]) =>
    given.map((value, index) => (index === 1 ? wrapperOf(value as Listener) : value)) as Parameters<Add>;
  const add = signal.addEventListener.bind(signal) as Add;
  const remove = signal.removeEventListener.bind(signal) as Remove;
  let onabort: unknown = null;
  return Object.defineProperties(signal, {
    addEventListener: { value: (...given: unknown[]) => add(...wrapped(given)) },
    removeEventListener: { value: (...given: unknown[]) => remove(...wrapped(given)) },
    onabort: {
      get: () => onabort,
      set: (handler: unknown) => {
        onabort = typeof handler === 'function' ? handler : null;
        Reflect.set(AbortSignal.prototype, 'onabort', wrapperOf(onabort as Listener), signal);
      },
    },
  });
}

function call(listener: NonNullable<Listener>, signal: AbortSignal, event: Event): unknown {
  return typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event);
}
