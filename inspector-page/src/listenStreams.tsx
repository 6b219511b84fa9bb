/** The listen streams of 2026-07-28, where there are any: a client of that revision has no session, and may have these. */
import type { ListenRow } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';
import { useFrames, useTicks } from './useFrames.ts';
import { clockTime, count, duration } from './wording.ts';

/** How often ages are drawn anew, in ms. */
const EVERY = 1_000;

export function ListenStreams({ sessions }: { readonly sessions: Sessions }) {
  useFrames(sessions);
  useTicks(EVERY);
  const { listens } = sessions;
  if (listens.count === 0) return null;
  const left = listens.count - listens.rows.length;
  return (
    <section class="panel listens" aria-label="Listen streams">
      <h2>listen streams, of no session: {count(listens.count)}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">state</th>
            <th scope="col">principal</th>
            <th scope="col">client</th>
            <th scope="col">wants</th>
            <th scope="col">sent</th>
            <th scope="col">for</th>
          </tr>
        </thead>
        <tbody>
          {listens.rows.map((row) => (
            <Stream key={row.key} row={row} now={sessions.now()} />
          ))}
        </tbody>
      </table>
      {left > 0 && <p class="soft">and {count(left)} more</p>}
    </section>
  );
}

function Stream({ row, now }: { readonly row: ListenRow; readonly now: number }) {
  return (
    <tr data-key={row.key} data-state={row.state}>
      <td>{row.state}</td>
      <td>{row.principal ?? 'nobody'}</td>
      <td>{row.client === null ? 'unknown' : `${row.client.name} ${row.client.version}`}</td>
      <td>{row.wants.join(', ')}</td>
      <td>{count(row.sent)}</td>
      <td title={clockTime(row.openedAt)}>{duration(now - row.openedAt)}</td>
    </tr>
  );
}
