/** A session by itself, whose actor is the test's: what it asks of that, and what it tells and remembers. */
import { expect, test } from 'vitest';
import { Outbox } from '../../src/supervisor/outbox.ts';
import { Session } from '../../src/supervisor/session.ts';
import type { SessionHost } from '../../src/supervisor/sessionHost.ts';
import type { SessionActor } from '../../src/supervisor/sessionTree.ts';
import { Hold } from '../../src/transport/hold.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { TestHost } from './life.ts';

class Host extends TestHost implements SessionHost<Session> {
  readonly outbox = new Outbox();
  readonly told: string[] = [];
  readonly changed: SessionHost<Session>['changed'] = (_, type, before) =>
    void this.told.push(`${type} after ${before}`);
  readonly quiet: SessionHost<Session>['quiet'] = () => void this.told.push('quiet');
  readonly forget: SessionHost<Session>['forget'] = ({ reason }, before) =>
    void this.told.push(`${reason} after ${before}`);
  readonly accepting = true;
  readonly memories = undefined;
  readonly spare: SessionHost<Session>['spare'] = () => void this.told.push('spare');
  readonly torn: SessionHost<Session>['torn'] = () => void this.told.push('torn');
}

const OPENING = { principal: 'ann', clientInfo: { name: 'a', version: '1' }, protocolVersion: '2025-06-18' };

/** A session whose actor is as the test says, and takes down what it is sent. */
function given() {
  const host = new Host({});
  const session = new Session('session-1', OPENING, host);
  const sent: string[] = [];
  const snapshot = { value: 'active', status: 'active', context: { inFlight: 1 } };
  const actor = { getSnapshot: () => snapshot, send: ({ type }: { type: string }) => void sent.push(type) };
  session.actor = actor as unknown as SessionActor;
  return { host, session, sent, snapshot };
}

test('it is told of as opened and active, once its initialize is answered, and is of the version that was agreed on', () => {
  const { host, session, sent } = given();
  expect(session.info()).toMatchObject({ state: 'initializing', protocolVersion: '2025-06-18', principal: 'ann' });
  session.opened({ protocolVersion: '2025-03-26' });
  expect(sent).toEqual(['INITIALIZED']);
  session.announce('active', 1);
  expect(host.told).toEqual(['session.opened after initializing', 'session.active after initializing']);
  expect(session.info()).toMatchObject({ state: 'active', protocolVersion: '2025-03-26' });
  expect(session.opened({ protocolVersion: '2025-11-25' })).toBe(false);
  expect([sent, session.protocolVersion]).toEqual([['INITIALIZED'], '2025-03-26']);
});

test('an initialize that agrees on no version leaves the one that was asked for', () => {
  const { session } = given();
  session.opened({ protocolVersion: 7 });
  expect(session.protocolVersion).toBe('2025-06-18');
});

test('4 096 exchanges may be open, and no more', () => {
  const { session, sent, snapshot } = given();
  session.announce('active', 1);
  snapshot.context.inFlight = 4_096;
  expect([session.claim(new FakeExchange()), sent]).toEqual(['tooManyCalls', []]);
  snapshot.context.inFlight = 4_095;
  expect(session.claim(new FakeExchange())).toBeInstanceOf(Hold);
  expect(sent).toEqual(['REQUEST']);
});

test('one that has no actor, or has ended, can’t be claimed', () => {
  const [without, ended] = [given(), given()];
  without.session.actor = undefined;
  ended.session.announce('active', 1);
  ended.session.release('deleted');
  for (const { session, sent } of [without, ended]) {
    expect([session.claim(new FakeExchange()), sent]).toEqual(['sessionNotFound', []]);
  }
});

test.each([
  ['is in the midst of a transition', 'active', ['REQUEST', 'RESPONSE'], []],
  ['was stopped', 'stopped', [], ['crashed after active']],
])('one whose actor %s does not take a request, nor keep one', (_, status, events, told) => {
  const { host, session, sent, snapshot } = given();
  session.announce('active', 1);
  host.told.length = 0;
  Object.assign(snapshot, { value: 'idle', status });
  expect(session.claim(new FakeExchange())).toBe('sessionNotFound');
  expect([sent, host.told]).toEqual([events, told]);
  expect(session.error).toEqual(status === 'stopped' ? new Error('The session’s actor was stopped') : undefined);
});

test('an exchange that ends while others are open is remembered as a response, and after the end as nothing', () => {
  const { session, sent, snapshot } = given();
  session.announce('active', 1);
  const names = () => session.info().history.map(({ event }) => event);
  session.released();
  expect([sent, names()]).toEqual([['RESPONSE'], ['opened', 'active', 'response']]);
  snapshot.context.inFlight = 0;
  session.released();
  snapshot.context.inFlight = 1;
  session.release('deleted');
  session.released();
  expect(names()).toEqual(['opened', 'active', 'response', 'terminated']);
});

test('it ends once, for the first reason, and tells when all of it is closed', async () => {
  const { host, session, sent } = given();
  session.announce('active', 1);
  host.told.length = 0;
  const ended = session.terminate('evicted', new Error('why'));
  expect(sent).toEqual(['TERMINATE']);
  session.release('evicted');
  session.release('deleted', new Error('another'));
  expect(await ended).toBe(true);
  expect(await session.terminate('deleted')).toBe(false);
  expect(host.told).toEqual(['evicted after active', 'torn']);
  expect([session.reason, session.error, session.info().inFlight]).toEqual(['evicted', new Error('why'), 0]);
});
