/** The diagrams in the docs: what is drawn of a machine, that a change of a machine shows, that Mermaid can read it. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, assign, createMachine, setup } from 'xstate';
import { fillIn } from '../../docs/diagrams/markers.ts';
import { stateDiagram } from '../../docs/diagrams/stateDiagram.ts';
import { partitionMachine, sessionMachine, supervisorMachine } from '../../src/machines/index.ts';

/** A machine with all that can be drawn. */
const door = setup({
  types: { context: {} as { knocks: number }, events: {} as { type: 'KNOCK' | 'OPEN' | 'SLAM' | 'WEDGE' | 'BURN' } },
  delays: { breeze: 1_000 },
  guards: { isWindy: () => true, isLocked: () => false },
  actions: { bang: () => {}, creak: () => {}, knock: assign({ knocks: ({ context }) => context.knocks + 1 }) },
}).createMachine({
  id: 'door',
  context: { knocks: 0 },
  initial: 'closed',
  on: { KNOCK: { actions: 'knock' }, BURN: '.gone' },
  after: { 90000: '.gone' },
  states: {
    closed: {
      entry: 'bang',
      exit: 'creak',
      on: { OPEN: [{ guard: 'isLocked' }, { target: 'open', actions: ['creak', assign({ knocks: 0 })] }] },
    },
    open: {
      after: { breeze: { guard: 'isWindy', target: 'closed' } },
      on: { SLAM: 'closed', OPEN: { target: 'open', reenter: true }, WEDGE: 'wedged' },
    },
    wedged: { always: { guard: 'isWindy', target: 'open' } },
    gone: { type: 'final' },
  },
});

describe('a machine', () => {
  test('is drawn with its states, events, delays, guards, self transitions and ends', () => {
    expect(stateDiagram(door)).toBe(
      `
stateDiagram-v2
  [*] --> closed
  closed: closed
  closed: OPEN [isLocked]
  closed --> open: OPEN
  open --> closed: SLAM<br/>after breeze [isWindy]
  open --> open: OPEN
  open --> wedged: WEDGE
  wedged --> open: always [isWindy]
  gone --> [*]
  state "any state" as any_state
  any_state: KNOCK
  any_state --> gone: BURN<br/>after 90000
  classDef dashed stroke-dasharray: 5
  class any_state dashed`.slice(1),
    );
  });

  test('is drawn with its actions where they are asked for', () => {
    const without = stateDiagram(door).split('\n');
    const added = stateDiagram(door, { actions: true })
      .split('\n')
      .filter((line) => !without.includes(line));
    expect(added).toEqual([
      '  closed: entry / bang',
      '  closed: exit / creak',
      '  closed --> open: OPEN / creak, assign',
      '  any_state: KNOCK / knock',
    ]);
  });

  test('without states is one box', () => {
    expect(stateDiagram(createMachine({ id: 'bell', on: { RING: {} } }))).toBe(
      'stateDiagram-v2\n  bell: bell\n  bell: RING',
    );
  });

  test.each([
    ['states within states', { states: { a: { initial: 'b', states: { b: {} } } } }, 'a: compound states'],
    ['parallel states', { states: { a: { type: 'parallel', states: { b: {} } } } }, 'a: parallel states'],
    ['an invocation', { states: { a: { invoke: { src: 'b' } } } }, 'a: invocations'],
    ['a guard without a name', { states: { a: { on: { X: { guard: () => true } } } } }, 'X: a guard'],
    ['an action without a name', { states: { a: { entry: () => {} } } }, 'entry: a guard or an action'],
    ['a name that Mermaid reserves', { states: { end: {} } }, 'end: not a name'],
    ['a name that is none to Mermaid', { states: { 'not a word': {} } }, 'not a word: not a name'],
    ['a label that Mermaid would cut', { states: { a: { on: { 'x:y': {} } } } }, 'x:y: not a label'],
  ])('is refused for %s', (_, config, message) => {
    const [initial] = Object.keys(config.states);
    const machine = createMachine({ initial, ...config } as never);
    expect(() => stateDiagram(machine, { actions: true })).toThrow(message);
  });
});

describe('a change of a machine shows', () => {
  const { config, implementations } = sessionMachine;
  const states = config.states as Record<'initializing' | 'active' | 'idle' | 'terminated', object>;
  const changed = (others: Partial<typeof states>, root = {}) =>
    createMachine({ ...config, ...root, states: { ...states, ...others } } as never, implementations as never);

  test.each([
    [
      'an idle timer in active',
      changed({ active: { ...states.active, after: { sessionIdleTimeout: 'terminated' } } }),
      '  active --> terminated: after sessionIdleTimeout',
    ],
    [
      'another delay',
      changed({ idle: { ...states.idle, after: { initializeTimeout: 'terminated' } } }),
      '  idle --> terminated: after initializeTimeout',
    ],
    [
      'another target',
      changed({ initializing: { ...states.initializing, on: { INITIALIZED: 'idle' } } }),
      '  initializing --> idle: INITIALIZED',
    ],
    ['no lifetime', changed({}, { after: {} }), '  any_state --> terminated: TERMINATE'],
  ] satisfies [string, AnyStateMachine, string][])('%s', (_, machine, line) => {
    const docs = fillIn('<!-- diagram: session -->\n<!-- /diagram -->', { session: stateDiagram(sessionMachine) });
    expect(docs.split('\n')).not.toContain(line);
    const redrawn = fillIn(docs, { session: stateDiagram(machine) });
    expect(redrawn).not.toBe(docs);
    expect(redrawn.split('\n')).toContain(line);
  });
});

/** Of Mermaid's grammar for state diagrams, what we use; ids are those of states that other lines name. */
const STATEMENTS = [
  /^stateDiagram-v2$/,
  /^ {2}\[\*\] --> \w+$/,
  /^ {2}\w+ --> \[\*\]$/,
  /^ {2}\w+ --> \w+: [\w .*,/[\]]+(<br\/>[\w .*,/[\]]+)*$/,
  /^ {2}\w+: [\w .*,/[\]]+$/,
  /^ {2}state "[\w ]+" as \w+$/,
  /^ {2}classDef \w+ [\w-]+: ?\w+$/,
  /^ {2}class \w+ \w+$/,
];

test.each([
  ['session', stateDiagram(sessionMachine)],
  ['session with actions', stateDiagram(sessionMachine, { actions: true })],
  ['supervisor', stateDiagram(supervisorMachine, { actions: true })],
  ['partition', stateDiagram(partitionMachine, { actions: true })],
  ['door', stateDiagram(door, { actions: true })],
])('every line of %s is a statement of Mermaid’s', (_, diagram) => {
  const [header, ...lines] = diagram.split('\n');
  expect(header).toBe('stateDiagram-v2');
  expect(lines.filter((line) => !STATEMENTS.some((statement) => statement.test(line)))).toEqual([]);
});

describe('the markers', () => {
  const diagrams = { a: 'A', b: 'B' };
  const place = (name: string, text = '') => `<!-- diagram: ${name} -->\n${text}<!-- /diagram -->`;

  test('hold the diagrams that they name, and what is around them stays', () => {
    const filled = fillIn(`before\n\n${place('b')}\n\nbetween\n\n${place('a', 'what was here\n')}\nafter`, diagrams);
    expect(filled).toBe(
      `before\n\n${place('b', '```mermaid\nB\n```\n')}\n\nbetween\n\n${place('a', '```mermaid\nA\n```\n')}\nafter`,
    );
    expect(fillIn(filled, diagrams)).toBe(filled);
  });

  test.each([
    ['no marker', 'text', 'No <!-- diagram'],
    ['an unknown name', place('c'), 'no diagram "c"; there are: a, b'],
    ['a marker without an end', '<!-- diagram: a -->\n', 'without <!-- /diagram -->'],
    ['a marker within another', `<!-- diagram: a -->\n${place('b')}`, 'without <!-- /diagram -->'],
  ])('refuse %s', (_, markdown, message) => {
    expect(() => fillIn(markdown, diagrams)).toThrow(message);
  });

  test('are in README and ARCHITECTURE, and no other state diagram is', async () => {
    for (const file of ['README.md', 'ARCHITECTURE.md']) {
      const markdown = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
      expect(markdown.match(/^stateDiagram/gm)?.length).toBe(markdown.match(/^<!-- diagram: /gm)?.length);
    }
  });
});
