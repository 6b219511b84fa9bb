/** A process in Stately's inspector: below its session, and shown with it. */
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { describe, expect, test } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { createInspection, type InspectionOptions } from '../../src/inspector/index.ts';
import { inspect } from '../inspector/inspect.ts';
import type { Supervisor } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { initialize } from '../support/wire.ts';
import { serveProcesses } from './simulatedProcesses.ts';

type Actor = Extract<StatelyInspectionEvent, { type: '@xstate.actor' }>;

/** What a viewer of Stately's is told. */
async function viewing(supervisor: Supervisor, options: InspectionOptions = {}) {
  const { port, token } = await inspect(supervisor, { inspection: createInspection(options) });
  const events: StatelyInspectionEvent[] = [];
  const server = `ws://127.0.0.1:${port}/stately?token=${token}`;
  createWebSocketReceiver({ server }).subscribe((event) => void events.push(event));
  const children = () =>
    events.filter((event): event is Actor => event.type === '@xstate.actor' && event.name === 'child');
  const states = (sessionId: string) =>
    events
      .filter((event) => event.sessionId === sessionId && event.type !== '@xstate.event')
      .map((event) => (event as unknown as { snapshot: { value: string } }).snapshot.value);
  return { events, children, states };
}

test('the child is an actor below its session', async () => {
  const seen: InspectionEvent[] = [];
  const { url, supervisor } = await serveProcesses({}, { inspect: (event) => void seen.push(event) });
  const { sessionId } = await initialize(url);
  const made = seen.find((event) => event.type === '@xstate.actor' && (event.actorRef as AnyActorRef).id === 'child');
  const child = made?.actorRef as AnyActorRef;
  expect(child.getSnapshot()).toMatchObject({ value: 'ready', context: { sessionId, generation: 1, pid: 1_000 } });
  expect(child._parent?.getSnapshot().context.sessionId).toBe(sessionId);
  await supervisor.terminate(sessionId);
  expect(child.getSnapshot()).toMatchObject({ value: 'gone', output: { exit: { code: 0, signal: null } } });
  expect(Object.keys(supervisor.actor.system.getAll())).toEqual([]);
});

describe('a viewer', () => {
  test('who comes late is shown the child as it is, and its end', async () => {
    const { url, supervisor } = await serveProcesses();
    const { sessionId } = await initialize(url);
    const { children, states, events } = await viewing(supervisor);
    await until(() => children().length === 1);
    const [child] = children() as [Actor];
    expect(child.snapshot).toMatchObject({ value: 'ready', context: { generation: 1, pid: 1_000 } });
    expect(events.find((event) => event.sessionId === child.parentId)?.type).toBe('@xstate.actor');
    await supervisor.terminate(sessionId);
    await until(() => states(child.sessionId).includes('gone'));
    expect([...new Set(states(child.sessionId))]).toEqual(['ready', 'stopping', 'gone']);
    expect(children()).toHaveLength(1);
  });

  test('who is not shown a session is not shown its child', async () => {
    const { url, supervisor } = await serveProcesses();
    const hidden = await initialize(url);
    const { children } = await viewing(supervisor, { filter: ({ id }) => id !== hidden.sessionId });
    await initialize(url);
    await until(() => children().length > 0);
    await supervisor.terminate(hidden.sessionId);
    expect(children()).toHaveLength(1);
  });
});
