/** The session's statechart: with how many sessions are in each state, or with the state that one session is in. */

import { drawings } from 'virtual:drawings';
import { useEffect, useRef } from 'preact/hooks';
import type { DrawnEdge } from './drawing.ts';
import type { Sessions } from './sessions.ts';
import { count } from './wording.ts';

const LINE = 14;

export interface StatechartProps {
  readonly label: string;
  /** Whether sessions have records, and so two states more. */
  readonly records: boolean;
  /** What stands below a state's name. */
  readonly notes: Readonly<Record<string, number | string>>;
  /** The states that stand out: the others are dimmed. */
  readonly lit?: string | undefined;
  /** Flashes what the server says was taken. */
  readonly sessions?: Sessions | undefined;
  /** A state was chosen. */
  readonly onChoose?: ((state: string) => void) | undefined;
}

export function Statechart({ label, records, notes, lit, sessions, onChoose }: StatechartProps) {
  const svg = useRef<SVGSVGElement>(null);
  const drawing = records ? drawings.withRecords : drawings.plain;
  useEffect(
    () =>
      sessions?.onTransitions((transitions) => {
        for (const [ends, times] of Object.entries(transitions)) if (times > 0) flash(svg.current, ends);
      }),
    [sessions],
  );
  return (
    <svg
      ref={svg}
      class={lit === undefined ? 'statechart' : 'statechart one'}
      viewBox={`0 0 ${drawing.width} ${drawing.height}`}
      role={onChoose === undefined ? 'img' : 'group'}
      aria-label={label}
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7.5"
          refY="4"
          markerUnits="userSpaceOnUse"
          markerWidth="10"
          markerHeight="10"
          orient="auto"
        >
          <path d="M0,0 L8,4 L0,8 z" fill="context-stroke" />
        </marker>
      </defs>
      {drawing.edges.map((edge) => (
        <Edge key={`${edge.from}→${edge.to}`} edge={edge} />
      ))}
      {drawing.states.map(({ name, x, y, width, height }) => (
        <g
          key={name}
          class={`state ${name}${lit === name ? ' lit' : ''}`}
          data-state={name}
          transform={`translate(${x},${y})`}
          {...(onChoose !== undefined && {
            role: 'button',
            tabIndex: 0,
            'aria-label': `${name}: ${notes[name] ?? 0}. Show these`,
            onClick: () => onChoose(name),
            onKeyDown: (event: KeyboardEvent) => {
              if (event.key !== 'Enter' && event.key !== ' ') return;
              event.preventDefault();
              onChoose(name);
            },
          })}
        >
          <rect width={width} height={height} rx="10" />
          {name === 'terminated' && <rect class="inner" x="4" y="4" width={width - 8} height={height - 8} rx="7" />}
          <text class="name" x={width / 2} y={notes[name] === undefined ? height / 2 + 5 : 24}>
            {name}
          </text>
          <text class="note" x={width / 2} y="48">
            {typeof notes[name] === 'number' ? count(notes[name]) : notes[name]}
          </text>
        </g>
      ))}
    </svg>
  );
}

function Edge({ edge: { from, to, lines, byRecord, path, x, y } }: { readonly edge: DrawnEdge }) {
  return (
    <g class={byRecord ? 'edge by-record' : 'edge'} data-edge={`${from}→${to}`}>
      <path d={path} marker-end="url(#arrow)" />
      {lines.map((line, i) => (
        <text key={line} x={x} y={y + (i - (lines.length - 1) / 2) * LINE + 4}>
          {line}
        </text>
      ))}
    </g>
  );
}

/** Lights an edge up for a moment. */
function flash(svg: SVGSVGElement | null, ends: string): void {
  const edge = svg?.querySelector(`[data-edge="${ends}"]`);
  for (const animation of edge?.getAnimations() ?? []) animation.cancel();
  edge?.animate(
    [
      { color: 'var(--flash)', strokeWidth: '3.5' },
      { color: 'var(--line)', strokeWidth: '1.4' },
    ],
    {
      duration: 900,
      easing: 'ease-out',
    },
  );
}
