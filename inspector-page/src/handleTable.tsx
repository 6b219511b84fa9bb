/** The handles, where there are kinds of them: those that live, and below them the last that have ended. */
import type { EndedHandleRow, HandleRow } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';
import { useFrames, useTicks } from './useFrames.ts';
import { count, duration } from './wording.ts';

export function HandleTable({ sessions }: { readonly sessions: Sessions }) {
  useFrames(sessions);
  useTicks(1_000);
  const { handles } = sessions;
  if (handles === undefined) return null;
  const { kinds, rows, ended } = handles;
  const now = sessions.now();
  const living = Object.values(kinds).reduce(
    (sum, { initializing, active, idle }) => sum + initializing + active + idle,
    0,
  );
  return (
    <section class="panel handles" aria-label="Handles">
      <h2>handles</h2>
      <p class="soft">
        {Object.entries(kinds).map(([name, { initializing, active, idle, closing }]) => (
          <span key={name} data-kind={name}>
            <b>{name}</b> {count(initializing)} initializing, {count(active)} active, {count(idle)} idle,{' '}
            {count(closing)} closing
          </span>
        ))}
      </p>
      <table>
        <thead>
          <tr>
            {['handle', 'kind', 'state', 'age', 'in flight', 'idle time left', 'principal'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={row.key}
              row={row}
              age={duration(now - row.createdAt)}
              left={timeLeft(row, now)}
              state={row.state}
            />
          ))}
          {ended.map((row) => (
            <Row
              key={`ended ${row.key}`}
              row={row}
              age={`${duration(now - row.endedAt)} ago`}
              left={lived(row)}
              state={row.reason}
            />
          ))}
        </tbody>
      </table>
      {rows.length < living && (
        <p class="soft">
          {count(rows.length)} shown of {count(living)}
        </p>
      )}
    </section>
  );
}

interface RowProps {
  readonly row: HandleRow;
  readonly age: string;
  readonly left: string;
  /** What its badge says. */
  readonly state: string;
}

function Row({ row, age, left, state }: RowProps) {
  return (
    <tr data-key={row.key}>
      <td class="session">{row.id ?? row.key}</td>
      <td>{row.name}</td>
      <td>
        <span class={`badge ${row.state}`}>{state}</span>
      </td>
      <td>{age}</td>
      <td>{count(row.inFlight)}</td>
      <td>{left}</td>
      <td>{row.principal ?? '–'}</td>
    </tr>
  );
}

function timeLeft({ state, idleDeadline }: HandleRow, now: number): string {
  if (idleDeadline === null) return state === 'idle' ? 'no limit' : '–';
  return duration(idleDeadline - now);
}

function lived({ createdAt, endedAt }: EndedHandleRow): string {
  return `lived ${duration(endedAt - createdAt)}`;
}
