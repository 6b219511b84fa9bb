/** The child machine: every state × every event with its result written down, then time, restarts and the end. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { childMachine } from '../../src/machines/child.ts';
import {
  ChildLife,
  EMPTIED,
  EVENTS,
  EXIT_0,
  EXIT_1,
  FAILED,
  GIVEN,
  given,
  KILLED,
  READY,
  STARTED,
  STOP,
} from './childLife.ts';

// biome-ignore format: a table is read by its columns
const TABLE: readonly (readonly [given: keyof typeof GIVEN, event: keyof typeof EVENTS, state: string,
  summary: string, actions: string[], timers: string[]])[] = [
  ['starting, new',      'STARTED',    'starting',    'g1 7 - new 0/0',               [],               []],
  ['starting, new',      'READY',      'ready',       'g1 - - was ready 0/0',         [],               ['steady@30010']],
  ['starting, new',      'FAILED',     'gone',        'g1 - - new 0/0',               ['end 1'],        []],
  ['starting, new',      'EXITED 0',   'terminating', 'g1 - 0 new 0/0',               ['terminate 1'],  ['term@7010']],
  ['starting, new',      'EXITED 1',   'terminating', 'g1 - 1 new 0/0',               ['terminate 1'],  ['term@7010']],
  ['starting, new',      'BROKEN',     'terminating', 'g1 - - new 0/0',               ['terminate 1'],  ['term@7010']],
  ['starting, new',      'EMPTIED',    'starting',    'g1 - - new 0/0',               [],               []],
  ['starting, new',      'STOP',       'stopping',    'g1 - - new 0/0',               ['closeStdin 1'], ['stdin@2010']],
  ['starting, new',      'stdinGrace', 'starting',    'g1 - - new 0/0',               [],               []],
  ['starting, new',      'termGrace',  'starting',    'g1 - - new 0/0',               [],               []],
  ['starting, new',      'killGrace',  'starting',    'g1 - - new 0/0',               [],               []],
  ['starting, new',      'backoff',    'starting',    'g1 - - new 0/0',               [],               []],
  ['starting, new',      'steady',     'starting',    'g1 - - new 0/0',               [],               []],

  ['starting, again',    'STARTED',    'starting',    'g2 7 1 was ready 1/1',         [],               []],
  ['starting, again',    'READY',      'ready',       'g2 - 1 was ready 1/1',         [],               ['steady@30060']],
  ['starting, again',    'FAILED',     'restarting',  'g2 - 1 was ready 2/2 again',   [],               ['1000@1060']],
  ['starting, again',    'EXITED 0',   'terminating', 'g2 - 0 was ready 2/2 again',   ['terminate 2'],  ['term@7060']],
  ['starting, again',    'EXITED 1',   'terminating', 'g2 - 1 was ready 2/2 again',   ['terminate 2'],  ['term@7060']],
  ['starting, again',    'BROKEN',     'terminating', 'g2 - 1 was ready 2/2 again',   ['terminate 2'],  ['term@7060']],
  ['starting, again',    'EMPTIED',    'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, again',    'STOP',       'stopping',    'g2 - 1 was ready 1/1',         ['closeStdin 2'], ['stdin@2060']],
  ['starting, again',    'stdinGrace', 'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, again',    'termGrace',  'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, again',    'killGrace',  'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, again',    'backoff',    'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, again',    'steady',     'starting',    'g2 - 1 was ready 1/1',         [],               []],

  ['starting, last',     'STARTED',    'starting',    'g2 7 1 was ready 1/1',         [],               []],
  ['starting, last',     'READY',      'ready',       'g2 - 1 was ready 1/1',         [],               ['steady@30060']],
  ['starting, last',     'FAILED',     'gone',        'g2 - 1 was ready 1/1 gave up', ['end 2'],        []],
  ['starting, last',     'EXITED 0',   'terminating', 'g2 - 0 was ready 1/1 gave up', ['terminate 2'],  ['term@7060']],
  ['starting, last',     'EXITED 1',   'terminating', 'g2 - 1 was ready 1/1 gave up', ['terminate 2'],  ['term@7060']],
  ['starting, last',     'BROKEN',     'terminating', 'g2 - 1 was ready 1/1 gave up', ['terminate 2'],  ['term@7060']],
  ['starting, last',     'EMPTIED',    'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, last',     'STOP',       'stopping',    'g2 - 1 was ready 1/1',         ['closeStdin 2'], ['stdin@2060']],
  ['starting, last',     'stdinGrace', 'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, last',     'termGrace',  'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, last',     'killGrace',  'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, last',     'backoff',    'starting',    'g2 - 1 was ready 1/1',         [],               []],
  ['starting, last',     'steady',     'starting',    'g2 - 1 was ready 1/1',         [],               []],

  ['ready, temporary',   'STARTED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'READY',      'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'FAILED',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'EXITED 0',   'terminating', 'g1 7 0 was ready 0/0',         ['terminate 1'],  ['term@7030']],
  ['ready, temporary',   'EXITED 1',   'terminating', 'g1 7 1 was ready 0/0',         ['terminate 1'],  ['term@7030']],
  ['ready, temporary',   'BROKEN',     'terminating', 'g1 7 - was ready 0/0',         ['terminate 1'],  ['term@7030']],
  ['ready, temporary',   'EMPTIED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'STOP',       'stopping',    'g1 7 - was ready 0/0',         ['closeStdin 1'], ['stdin@2030']],
  ['ready, temporary',   'stdinGrace', 'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'termGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'killGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'backoff',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, temporary',   'steady',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],

  ['ready, transient',   'STARTED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'READY',      'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'FAILED',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'EXITED 0',   'terminating', 'g1 7 0 was ready 0/0',         ['terminate 1'],  ['term@7030']],
  ['ready, transient',   'EXITED 1',   'terminating', 'g1 7 1 was ready 1/1 again',   ['terminate 1'],  ['term@7030']],
  ['ready, transient',   'BROKEN',     'terminating', 'g1 7 - was ready 1/1 again',   ['terminate 1'],  ['term@7030']],
  ['ready, transient',   'EMPTIED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'STOP',       'stopping',    'g1 7 - was ready 0/0',         ['closeStdin 1'], ['stdin@2030']],
  ['ready, transient',   'stdinGrace', 'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'termGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'killGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'backoff',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, transient',   'steady',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],

  ['ready, permanent',   'STARTED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'READY',      'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'FAILED',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'EXITED 0',   'terminating', 'g1 7 0 was ready 1/1 again',   ['terminate 1'],  ['term@7030']],
  ['ready, permanent',   'EXITED 1',   'terminating', 'g1 7 1 was ready 1/1 again',   ['terminate 1'],  ['term@7030']],
  ['ready, permanent',   'BROKEN',     'terminating', 'g1 7 - was ready 1/1 again',   ['terminate 1'],  ['term@7030']],
  ['ready, permanent',   'EMPTIED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'STOP',       'stopping',    'g1 7 - was ready 0/0',         ['closeStdin 1'], ['stdin@2030']],
  ['ready, permanent',   'stdinGrace', 'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'termGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'killGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'backoff',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, permanent',   'steady',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],

  ['ready, last',        'STARTED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'READY',      'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'FAILED',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'EXITED 0',   'terminating', 'g1 7 0 was ready 0/0 gave up', ['terminate 1'],  ['term@7030']],
  ['ready, last',        'EXITED 1',   'terminating', 'g1 7 1 was ready 0/0 gave up', ['terminate 1'],  ['term@7030']],
  ['ready, last',        'BROKEN',     'terminating', 'g1 7 - was ready 0/0 gave up', ['terminate 1'],  ['term@7030']],
  ['ready, last',        'EMPTIED',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'STOP',       'stopping',    'g1 7 - was ready 0/0',         ['closeStdin 1'], ['stdin@2030']],
  ['ready, last',        'stdinGrace', 'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'termGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'killGrace',  'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'backoff',    'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],
  ['ready, last',        'steady',     'ready',       'g1 7 - was ready 0/0',         [],               ['steady@30020']],

  ['restarting',         'STARTED',    'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'READY',      'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'FAILED',     'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'EXITED 0',   'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'EXITED 1',   'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'BROKEN',     'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'EMPTIED',    'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'STOP',       'gone',        'g1 7 1 was ready 1/1 again',   ['end 1'],        []],
  ['restarting',         'stdinGrace', 'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'termGrace',  'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'killGrace',  'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],
  ['restarting',         'backoff',    'starting',    'g2 - 1 was ready 1/1',         ['start 2'],      []],
  ['restarting',         'steady',     'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@30']],

  ['stopping',           'STARTED',    'stopping',    'g1 7 - was ready 0/0',         ['closeStdin 1'], ['stdin@2030']],
  ['stopping',           'READY',      'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'FAILED',     'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['stopping',           'EXITED 0',   'stopping',    'g1 7 0 was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'EXITED 1',   'stopping',    'g1 7 1 was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'BROKEN',     'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'EMPTIED',    'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['stopping',           'STOP',       'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'stdinGrace', 'terminating', 'g1 7 - was ready 0/0',         ['terminate 1'],  ['term@7040']],
  ['stopping',           'termGrace',  'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'killGrace',  'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'backoff',    'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],
  ['stopping',           'steady',     'stopping',    'g1 7 - was ready 0/0',         [],               ['stdin@2030']],

  ['terminating',        'STARTED',    'terminating', 'g1 7 - was ready 0/0',         ['terminate 1'],  ['term@7040']],
  ['terminating',        'READY',      'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'FAILED',     'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['terminating',        'EXITED 0',   'terminating', 'g1 7 0 was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'EXITED 1',   'terminating', 'g1 7 1 was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'BROKEN',     'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'EMPTIED',    'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['terminating',        'STOP',       'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'stdinGrace', 'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'termGrace',  'killing',     'g1 7 - was ready 0/0',         ['kill 1'],       ['1000@1050']],
  ['terminating',        'killGrace',  'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'backoff',    'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],
  ['terminating',        'steady',     'terminating', 'g1 7 - was ready 0/0',         [],               ['term@7040']],

  ['terminating, again', 'STARTED',    'terminating', 'g1 7 1 was ready 1/1 again',   ['terminate 1'],  ['term@7030']],
  ['terminating, again', 'READY',      'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'FAILED',     'gone',        'g1 7 1 was ready 1/1 again',   ['end 1'],        []],
  ['terminating, again', 'EXITED 0',   'terminating', 'g1 7 0 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'EXITED 1',   'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'BROKEN',     'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'EMPTIED',    'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@40']],
  ['terminating, again', 'STOP',       'terminating', 'g1 7 1 was ready 1/1',         [],               ['term@7030']],
  ['terminating, again', 'stdinGrace', 'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'termGrace',  'killing',     'g1 7 1 was ready 1/1 again',   ['kill 1'],       ['1000@1040']],
  ['terminating, again', 'killGrace',  'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'backoff',    'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],
  ['terminating, again', 'steady',     'terminating', 'g1 7 1 was ready 1/1 again',   [],               ['term@7030']],

  ['killing',            'STARTED',    'killing',     'g1 7 - was ready 0/0',         ['kill 1'],       ['1000@1050']],
  ['killing',            'READY',      'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'FAILED',     'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['killing',            'EXITED 0',   'killing',     'g1 7 0 was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'EXITED 1',   'killing',     'g1 7 1 was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'BROKEN',     'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'EMPTIED',    'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['killing',            'STOP',       'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'stdinGrace', 'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'termGrace',  'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'killGrace',  'gone',        'g1 7 - was ready 0/0',         ['end 1'],        []],
  ['killing',            'backoff',    'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],
  ['killing',            'steady',     'killing',     'g1 7 - was ready 0/0',         [],               ['1000@1050']],

  ['killing, again',     'STARTED',    'killing',     'g1 7 1 was ready 1/1 again',   ['kill 1'],       ['1000@1040']],
  ['killing, again',     'READY',      'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'FAILED',     'gone',        'g1 7 1 was ready 1/1 again',   ['end 1'],        []],
  ['killing, again',     'EXITED 0',   'killing',     'g1 7 0 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'EXITED 1',   'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'BROKEN',     'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'EMPTIED',    'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@50']],
  ['killing, again',     'STOP',       'killing',     'g1 7 1 was ready 1/1',         [],               ['1000@1040']],
  ['killing, again',     'stdinGrace', 'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'termGrace',  'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'killGrace',  'restarting',  'g1 7 1 was ready 1/1 again',   [],               ['0@50']],
  ['killing, again',     'backoff',    'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],
  ['killing, again',     'steady',     'killing',     'g1 7 1 was ready 1/1 again',   [],               ['1000@1040']],

  ['gone',               'STARTED',    'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'READY',      'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'FAILED',     'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'EXITED 0',   'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'EXITED 1',   'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'BROKEN',     'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'EMPTIED',    'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'STOP',       'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'stdinGrace', 'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'termGrace',  'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'killGrace',  'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'backoff',    'gone',        'g1 7 - was ready 0/0',         [],               []],
  ['gone',               'steady',     'gone',        'g1 7 - was ready 0/0',         [],               []],
];

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
});

describe('every state × every event', () => {
  test.each(TABLE)('%s: %s', (name, event, state, summary, actions, timers) => {
    const life = given(name);
    if (name === 'restarting') {
      const sent = EVENTS[event];
      life.actor.send('at' in sent ? { ...sent, at: life.clock.now() } : sent);
    } else {
      life.live([EVENTS[event]]);
    }
    expect([life.state, life.summary, life.actions, life.timers]).toEqual([state, summary, actions, timers]);
  });

  test('the table is complete', () => {
    const rows = new Set(TABLE.map(([name, event]) => `${name}: ${event}`));
    expect(rows.size).toBe(TABLE.length);
    expect(TABLE).toHaveLength(Object.keys(GIVEN).length * Object.keys(EVENTS).length);
    const events = Object.values(EVENTS).map(({ type }) => type);
    expect([...childMachine.events].sort()).toEqual([...new Set<string>(events)].sort());
  });
});

describe('the end', () => {
  test('takes three steps, 2 s after stdin SIGTERM, 1 s before its time is up SIGKILL, and is over by then', () => {
    const life = new ChildLife().live([STARTED, READY]).from();
    life.actor.send(STOP);
    const began = life.clock.now();
    const steps: unknown[] = [];
    while (life.state !== 'gone') {
      steps.push([life.clock.now() - began, life.state, ...life.actions.splice(0)]);
      life.pass((life.clock.pending[0]?.due ?? Number.NaN) - life.clock.now());
    }
    steps.push([life.clock.now() - began, life.state, ...life.actions.splice(0)]);
    expect(steps).toEqual([
      [0, 'stopping', 'closeStdin 1'],
      [2_000, 'terminating', 'terminate 1'],
      [9_000, 'killing', 'kill 1'],
      [10_000, 'gone', 'end 1'],
    ]);
  });

  test.each([
    [400, [100, 300, 400]],
    [4_000, [1_000, 3_000, 4_000]],
    [60_000, [2_000, 59_000, 60_000]],
  ])('where it may take %i ms, all three steps fit', (stopTimeout, expected) => {
    const life = new ChildLife({ stopTimeout }).live([STARTED, READY]);
    life.actor.send(STOP);
    const began = life.clock.now();
    const at: number[] = [];
    for (let n = 0; n < 3; n++) {
      life.pass((life.clock.pending[0]?.due ?? Number.NaN) - life.clock.now());
      at.push(life.clock.now() - began);
    }
    expect([life.state, ...at]).toEqual(['gone', ...expected]);
  });

  test('is over as soon as nobody is left, without a signal', () => {
    const life = new ChildLife().live([STARTED, READY]).from().live([STOP, EXIT_0, EMPTIED]);
    expect([life.state, life.actions]).toEqual(['gone', ['closeStdin 1', 'end 1']]);
    expect(life.outputs).toEqual([{ exit: { code: 0, signal: null }, gaveUp: false }]);
  });

  test('of one that is still being started abandons that', () => {
    const life = new ChildLife().from().live([STOP, FAILED]);
    expect([life.state, life.actions]).toEqual(['gone', ['closeStdin 1', 'end 1']]);
  });
});

describe('restarts', () => {
  // biome-ignore format: a table is read by its columns
  test.each([
    ['temporary', EXIT_0, false], ['temporary', EXIT_1, false], ['temporary', KILLED, false],
    ['transient', EXIT_0, false], ['transient', EXIT_1, true],  ['transient', KILLED, true],
    ['permanent', EXIT_0, true],  ['permanent', EXIT_1, true],  ['permanent', KILLED, true],
  ] as const)('case 55: %s, %o: %s', (restart, exit, again) => {
    const life = new ChildLife({ restart }).live([STARTED, READY, exit]);
    life.actor.send(EMPTIED);
    expect(life.state).toBe(again ? 'restarting' : 'gone');
    expect(life.context.gaveUp).toBe(false);
  });

  /** Has the process of a child that is up fail, and says how long the restart waits; undefined where there is none. */
  const failing = (life: ChildLife): number | undefined => {
    life.live([EXIT_1]);
    life.actor.send(EMPTIED);
    if (life.state === 'gone') return undefined;
    const delay = life.clock.pending[0]?.delay as number;
    life.pass(delay).live([STARTED, READY]);
    return delay;
  };

  test('wait 0, 1, 2 and 4 s, and 4 s from then on', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 100 }).live([STARTED, READY]);
    expect([1, 2, 3, 4, 5, 6].map(() => failing(life))).toEqual([0, 1_000, 2_000, 4_000, 4_000, 4_000]);
    expect(life.context.generation).toBe(7);
  });

  test('case 60: the delay is forgotten after 30 s up, not by having been started', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 100 }).live([STARTED, READY]);
    expect([failing(life), failing(life)]).toEqual([0, 1_000]);
    life.pass(29_900);
    expect(failing(life)).toBe(2_000);
    life.pass(30_000);
    expect(failing(life)).toBe(0);
  });

  test('case 56: more than maxRestarts within maxSeconds are none: it is gone, and says so', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 3, maxSeconds: 30 }).live([STARTED, READY]);
    expect([1, 2, 3, 4].map(() => failing(life))).toEqual([0, 1_000, 2_000, undefined]);
    expect(life.outputs).toEqual([{ exit: { code: 1, signal: null }, gaveUp: true }]);
  });

  test('case 56: the window slides: what is older than maxSeconds does not count', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 2, maxSeconds: 10 }).live([STARTED, READY]);
    expect([failing(life), failing(life)]).toEqual([0, 1_000]);
    const [first = Number.NaN, second = Number.NaN] = life.context.restarts;
    // The moment in which the first of them leaves the window; 10 ms pass before the event.
    life.pass(first + 10_000 - life.clock.now() - 10);
    expect(failing(life)).toBe(2_000);
    expect(life.context.restarts).toEqual([second, first + 10_000]);
  });

  test('case 56: up to its end the window counts', () => {
    const life = new ChildLife({ restart: 'permanent', maxRestarts: 2, maxSeconds: 10 }).live([STARTED, READY]);
    expect([failing(life), failing(life)]).toEqual([0, 1_000]);
    life.pass((life.context.restarts[0] ?? Number.NaN) + 10_000 - life.clock.now() - 11);
    expect(failing(life)).toBeUndefined();
  });

  test('what never was ready is not started again', () => {
    for (const event of [EXIT_1, FAILED]) {
      const life = new ChildLife({ restart: 'permanent' }).live([STARTED, event, EMPTIED]);
      expect(life.state).toBe('gone');
    }
  });

  test('a process that broke counts as one that failed', () => {
    for (const [restart, again] of [
      ['temporary', false],
      ['transient', true],
    ] as const) {
      const life = new ChildLife({ restart }).live([STARTED, READY, EVENTS.BROKEN, EXIT_0]);
      life.actor.send(EMPTIED);
      expect(life.state).toBe(again ? 'restarting' : 'gone');
    }
  });

  test('a start again that fails counts as one, whatever ended the process before', () => {
    const life = new ChildLife({ restart: 'transient' }).live([STARTED, READY, EXIT_1]);
    life.actor.send(EMPTIED);
    life.pass(0).live([FAILED]);
    expect([life.state, life.clock.pending[0]?.delay]).toEqual(['restarting', 1_000]);
  });

  test('case 59: the end during the delay leaves nothing', () => {
    const life = given('restarting').live([]);
    life.actor.send(STOP);
    expect([life.state, life.actions, life.timers]).toEqual(['gone', ['end 1'], []]);
  });
});

test('a persisted snapshot is JSON', () => {
  const life = new ChildLife({ restart: 'permanent' }).live([STARTED, READY, EXIT_1]);
  const persisted = life.actor.getPersistedSnapshot();
  expect(JSON.parse(JSON.stringify(persisted))).toEqual(persisted);
});
