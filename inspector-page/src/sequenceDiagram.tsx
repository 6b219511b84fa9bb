/** Draws a session's history: client, session and server as lanes, time going down. */
import type { SessionFrame } from '../../src/inspector/protocol.ts';
import { type Lane, type Message, type Step, stepsOf } from './sequence.ts';
import { clockTime, duration } from './wording.ts';

const ROW = 30;
const TOP = 34;
const LANES: Readonly<Record<Lane, number>> = { client: 205, session: 345, server: 445 };
const WIDTH = 480;

/** Characters of a text that fit beside its arrow. */
const ROOM = 44;

export function SequenceDiagram({ frame }: { readonly frame: SessionFrame }) {
  const { omitted, operationsBefore } = frame;
  const steps = stepsOf(frame);
  const height = TOP + Math.max(1, steps.length) * ROW + 8;
  return (
    <div class="sequence">
      {omitted > 0 && <p class="soft">{omitted} older events are not shown.</p>}
      {operationsBefore > 0 && <p class="soft">{operationsBefore} older requests are not shown.</p>}
      {steps.length === 0 && <p class="soft">Its black box holds nothing.</p>}
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label="What happened between client, session and server">
        {Object.entries(LANES).map(([lane, x]) => (
          <g key={lane} class="lane">
            <text x={x} y="16">
              {lane}
            </text>
            <line x1={x} x2={x} y1="24" y2={height} />
          </g>
        ))}
        {steps.map((step, i) => (
          <StepRow
            key={i}
            step={step}
            y={TOP + i * ROW}
            since={i === 0 ? undefined : step.at - (steps[i - 1]?.at ?? 0)}
          />
        ))}
      </svg>
    </div>
  );
}

interface StepRowProps {
  readonly step: Step;
  readonly y: number;
  readonly since: number | undefined;
}

function StepRow({ step: { at, event, message, note, inFlight }, y, since }: StepRowProps) {
  const middle = y + 18;
  const width = 28 + (note?.length ?? 0) * 6.5;
  return (
    <g class={`step ${event}`} data-event={event}>
      <title>{inFlight === undefined ? message?.text : `${event}, ${inFlight} in flight`}</title>
      <text class="time" x="0" y={middle}>
        {clockTime(at)}
      </text>
      <text class="since" x="92" y={middle}>
        {since === undefined ? '' : `+${since < 1_000 ? `${since} ms` : duration(since)}`}
      </text>
      {message !== undefined && <Arrow message={message} y={y + 14} />}
      {note !== undefined && (
        <g class="told">
          <rect x={LANES.session - width / 2} y={y + 3} width={width} height="22" rx="11" />
          <text x={LANES.session} y={middle}>
            {note}
          </text>
        </g>
      )}
    </g>
  );
}

function Arrow({ message: { from, to, kind, text, failed }, y }: { readonly message: Message; readonly y: number }) {
  const start = LANES[from];
  const end = LANES[to];
  const step = end > start ? -6 : 6;
  return (
    <g class={failed === true ? `message ${kind} failed` : `message ${kind}`}>
      <line x1={start} x2={end + step} y1={y} y2={y} />
      <path d={`M${end},${y} l${step},-4 v8 z`} />
      <text x={LANES.client + 8} y={y - 3}>
        {text.length > ROOM ? `${text.slice(0, ROOM - 1).replace(/[\ud800-\udbff]$/, '')}…` : text}
      </text>
    </g>
  );
}
