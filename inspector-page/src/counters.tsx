/** What is in flight, calls and streams apart, and what was turned away: by name, and by eviction. */
import { sumOf } from '../../src/inspector/protocol.ts';
import type { Sessions } from './sessions.ts';
import { useFrames } from './useFrames.ts';
import { count } from './wording.ts';

export function Counters({ sessions }: { readonly sessions: Sessions }) {
  useFrames(sessions);
  const { totals } = sessions;
  if (totals === undefined) return null;
  const { calls, streams, refused, evicted } = totals;
  const names = Object.entries(refused).sort(([, a], [, b]) => b - a);
  return (
    <section class="panel counters" aria-label="Counts">
      <span data-count="calls" title="Requests of clients that are not answered">
        calls in flight <b>{count(calls)}</b>
      </span>
      <span data-count="streams" title="SSE responses that are open, those of calls included">
        streams open <b>{count(streams)}</b>
      </span>
      <span data-count="evicted" title="Idle sessions that made room for others">
        evicted <b>{count(sumOf(evicted))}</b>
        {evicted.parked > 0 && <span class="soft"> of which parked: {count(evicted.parked)}</span>}
      </span>
      <span data-count="refused" title="Requests that were refused since the supervisor was made">
        refused <b>{count(sumOf(refused))}</b>
      </span>
      {names.map(([name, times]) => (
        <span key={name} class="soft" data-refusal={name}>
          {name} <b>{count(times)}</b>
        </span>
      ))}
    </section>
  );
}
