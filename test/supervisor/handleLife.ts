/** What stands around handles in a test: a supervisor on simulated time, and a kind whose values tell what was done to them. */
import { onTestFinished } from 'vitest';
import type { HandleEvent, HandleOptions, SessionSupervisorOptions } from '../../src/index.ts';
import { type Observed, supervise } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';

/** A value of a handle. */
export class Browser {
  readonly id: string;
  readonly principal: string | undefined;
  /** Why it was closed, each time that it was. */
  readonly closed: string[] = [];
  tabs = 0;

  constructor(id: string, principal: string | undefined) {
    this.id = id;
    this.principal = principal;
  }
}

export const ANN = { principal: 'ann' };
export const BOB = { principal: 'bob' };

const EVENT_TYPES = ['handle.opened', 'handle.active', 'handle.idle', 'handle.terminated'] as const;

export type BrowserOptions = Partial<HandleOptions<Browser>>;

export function browsersOf(supervisor: Observed['supervisor'], options: BrowserOptions = {}) {
  const made: Browser[] = [];
  const { open, close, ...rest } = options;
  const handles = supervisor.handles<Browser>('browser', {
    open: async (opening) => {
      const browser = (await open?.(opening)) ?? new Browser(opening.id, opening.principal);
      made.push(browser);
      return browser;
    },
    close: async (browser, closing) => {
      browser.closed.push(closing.reason);
      await close?.(browser, closing);
    },
    ...rest,
  });
  return { handles, made };
}

/** A supervisor on simulated time with one kind of handles; drained when the test ends. */
export function world(options: BrowserOptions = {}, more: Partial<SessionSupervisorOptions> = {}) {
  const clock = new SimulatedClock();
  const observed = supervise({ clock, ...more });
  onTestFinished(observed.stop);
  const { supervisor } = observed;
  const events: HandleEvent[] = [];
  for (const type of EVENT_TYPES) supervisor.on(type, (event) => void events.push(event));
  const { handles, made } = browsersOf(supervisor, options);
  return {
    ...observed,
    ...handles,
    events,
    made,
    clock,
    pass: (ms: number) => advance(clock, ms),
    info: (id: string) => [...supervisor.openHandles()].find((handle) => handle.id === id),
    /** What was told of a handle, in short. */
    told: (id?: string) =>
      events
        .filter(({ handle }) => id === undefined || handle.id === id)
        .map(({ type, reason }) => type.slice('handle.'.length) + (reason === undefined ? '' : `: ${reason}`)),
  };
}

/** Settles when it is told to. */
export function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

export const NOT_FOUND = {
  name: 'SupervisorError',
  code: 'HANDLE_NOT_FOUND',
  message: 'There is no browser with this id, or there is none any more. Create a new one and use its id.',
};
