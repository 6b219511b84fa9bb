/** The page's line to its server: what it makes of a feed of another version, and of the ways in which a line ends. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection } from '../../inspector-page/src/connection.ts';
import { Sessions } from '../../inspector-page/src/sessions.ts';
import { CLOSE_CODES, PROTOCOL_VERSION, type ServerFrame } from '../../src/inspector/protocol.ts';

/** A WebSocket that is what its test says. */
class FakeSocket {
  static readonly OPEN = 1;
  static readonly all: FakeSocket[] = [];
  readonly readyState = FakeSocket.OPEN;
  onmessage: (event: { readonly data: string }) => void = () => {};
  onclose: (event: { readonly code: number }) => void = () => {};

  constructor() {
    FakeSocket.all.push(this);
  }

  hear(frame: unknown): void {
    this.onmessage({ data: JSON.stringify(frame as ServerFrame) });
  }

  close(): void {
    this.onclose({ code: 1005 });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  FakeSocket.all.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const socket = (): FakeSocket => FakeSocket.all.at(-1) as FakeSocket;

const hello = (v: number) => ({ type: 'hello', v, now: 0, maxEnded: 1 });

function connect(): Connection {
  const connection = new Connection(new Sessions(), { href: 'http://127.0.0.1:1/?token=t' });
  connection.connect();
  return connection;
}

/** A line on which this was told of a drain. */
function told(phase?: 'draining' | 'stopped'): Connection {
  const connection = connect();
  socket().hear(hello(PROTOCOL_VERSION));
  const states = { initializing: 0, active: 0, idle: 0 };
  const totals = { states, refused: {}, ...(phase && { drain: { phase, since: 0, until: null } }) };
  const delta = { type: 'delta', at: 0, rows: [], changes: [], gone: [], parked: [], ended: [], transitions: {} };
  socket().hear({ ...delta, totals, pending: 0 });
  return connection;
}

test.each([PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1])(
  'a feed of version %i: load the page again, and no more',
  (v) => {
    const connection = connect();
    socket().hear(hello(v));
    expect(connection.line).toEqual({
      is: 'refused',
      why: 'This page is of another version than the server. Load it again.',
    });
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  },
);

test.each([
  { phase: undefined, code: CLOSE_CODES.stopped, is: 'stopped' },
  { phase: 'draining', code: CLOSE_CODES.stopped, is: 'stopped' },
  { phase: 'stopped', code: 1006, is: 'stopped' },
  { phase: 'draining', code: 1006, is: 'down' },
  { phase: undefined, code: CLOSE_CODES.goingAway, is: 'down' },
] as const)('told of $phase and closed with $code it is $is, tries again, and is up when it is answered', (given) => {
  const connection = told(given.phase);
  expect(connection.line.is).toBe('up');
  socket().onclose({ code: given.code });
  expect(connection.line.is).toBe(given.is);
  vi.advanceTimersByTime(500);
  expect(FakeSocket.all).toHaveLength(2);
  socket().onclose({ code: 1006 });
  expect(connection.line.is).toBe(given.is);
  vi.advanceTimersByTime(1_000);
  socket().hear(hello(PROTOCOL_VERSION));
  expect(connection.line.is).toBe('up');
});
