/** The whole page. */
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { Connection, Line } from './connection.ts';
import { Counters } from './counters.tsx';
import { DrainBanner } from './drainBanner.tsx';
import { HandleTable } from './handleTable.tsx';
import { ListenStreams } from './listenStreams.tsx';
import { EVERYTHING, type Filter } from './pick.ts';
import type { Sessions } from './sessions.ts';
import { SessionTable } from './sessionTable.tsx';
import { SessionView } from './sessionView.tsx';
import { Statechart } from './statechart.tsx';
import { TimeLine } from './timeLine.tsx';
import { useFrames } from './useFrames.ts';
import { count, REASONS } from './wording.ts';

export interface AppProps {
  readonly sessions: Sessions;
  readonly connection: Connection;
}

interface Choice {
  readonly state: Filter['state'];
  readonly text: string;
  /** Only where sessions have records. */
  readonly records?: true;
}

const CHOICES: readonly Choice[] = [
  { state: 'live', text: 'all that live' },
  { state: 'initializing', text: 'initializing' },
  { state: 'restoring', text: 'restoring', records: true },
  { state: 'active', text: 'active' },
  { state: 'idle', text: 'idle' },
  { state: 'parked', text: 'parked', records: true },
  { state: 'terminated', text: 'ended' },
];

export function App({ sessions, connection }: AppProps) {
  const [filter, setFilter] = useState<Filter>(EVERYTHING);
  const [opened, setOpened] = useState<string>();
  const [, lineChanged] = useReducer((n: number) => n + 1, 0);
  const before = useRef<Element | null>(null);
  useEffect(() => {
    connection.onChange = () => lineChanged(undefined);
    lineChanged(undefined);
  }, [connection]);

  const open = (key: string): void => {
    before.current = document.querySelector(`.row[data-key="${CSS.escape(key)}"]`);
    setOpened(key);
  };
  const close = (): void => {
    setOpened(undefined);
    if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
  };
  useEffect(() => {
    const onKeyDown = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape' && opened !== undefined) close();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  });

  return (
    <div class={connection.line.is === 'up' ? 'app' : 'app stale'}>
      <header class="top">
        <h1>Sessions</h1>
        <Status line={connection.line} sessions={sessions} />
      </header>
      <DrainBanner sessions={sessions} stopped={connection.line.is === 'stopped'} />
      <Overview sessions={sessions} onChoose={(state) => setFilter({ ...filter, state: state as Filter['state'] })} />
      <Counters sessions={sessions} />
      <ListenStreams sessions={sessions} />
      <main class={opened === undefined ? undefined : 'with-view'}>
        <section class="panel list" aria-label="Sessions">
          <Filters sessions={sessions} filter={filter} onFilter={setFilter} />
          <SessionTable sessions={sessions} filter={filter} opened={opened} onOpen={open} />
        </section>
        {opened !== undefined && (
          <SessionView sessions={sessions} connection={connection} sessionKey={opened} onClose={close} />
        )}
      </main>
      <HandleTable sessions={sessions} />
    </div>
  );
}

function Status({ line, sessions }: { readonly line: Line; readonly sessions: Sessions }) {
  useFrames(sessions);
  const { hello } = sessions;
  return (
    <p class={`status ${line.is}`} role="status">
      <i aria-hidden="true" /> <b>{statusText(line, sessions)}</b>
      {line.is === 'up' && hello !== undefined && (
        <span class="soft">
          mcp-session-supervisor {hello.version}, {hello.allowTerminate ? 'may end sessions' : 'read-only'}
        </span>
      )}
      {sessions.missed > 0 && <span class="soft">{count(sessions.missed)} updates skipped, made up for</span>}
    </p>
  );
}

function statusText(line: Line, { totals }: Sessions): string {
  if (line.is === 'up') return 'live';
  if (line.is === 'connecting') return 'connecting';
  if (line.is === 'refused') return line.why;
  if (line.is === 'stopped') return 'stopped; trying again, in case that it is started anew';
  const until = totals?.drain === undefined ? '' : ' before its drain was over';
  return `The server is gone${until}; trying again. If it was started anew, it may have printed a new URL.`;
}

function Overview({ sessions, onChoose }: { readonly sessions: Sessions; readonly onChoose: (state: string) => void }) {
  useFrames(sessions);
  const { totals, hello } = sessions;
  const most = Math.max(1, ...Object.values(totals?.reasons ?? {}));
  return (
    <div class="overview">
      <section class="panel chart" aria-label="Statechart">
        <Statechart
          label="The life of a session, and how many are where"
          records={sessions.keepsRecords}
          notes={{ initializing: 0, active: 0, idle: 0, ...totals?.states, terminated: totals?.ended ?? 0 }}
          sessions={sessions}
          onChoose={onChoose}
        />
      </section>
      <section class="panel reasons" aria-label="Endings by reason">
        <h2>ended, by reason</h2>
        <table>
          <tbody>
            {hello?.reasons.map((reason) => {
              const times = totals?.reasons[reason] ?? 0;
              if (reason === 'unrestorable' && times === 0 && !sessions.keepsRecords) return null;
              return (
                <tr key={reason} data-reason={reason} class={times === 0 ? 'none' : undefined} title={REASONS[reason]}>
                  <th scope="row">{reason}</th>
                  <td>{count(times)}</td>
                  <td class="bar">
                    <i style={{ width: `${(100 * times) / most}%` }} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      <TimeLine sessions={sessions} />
    </div>
  );
}

interface FiltersProps {
  readonly sessions: Sessions;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

function Filters({ sessions, filter, onFilter }: FiltersProps) {
  useFrames(sessions);
  const choices = CHOICES.filter(({ records }) => records === undefined || sessions.keepsRecords);
  return (
    <search class="filters">
      <fieldset>
        <legend>show</legend>
        {choices.map(({ state, text }) => (
          <label key={state} class={filter.state === state ? 'chosen' : undefined}>
            <input
              type="radio"
              name="state"
              checked={filter.state === state}
              onChange={() => onFilter({ ...filter, state })}
            />
            {text}
          </label>
        ))}
      </fieldset>
      <input
        type="search"
        aria-label="principal contains"
        placeholder="principal"
        value={filter.principal}
        onInput={({ currentTarget }) => onFilter({ ...filter, principal: currentTarget.value })}
      />
      <input
        type="search"
        aria-label="client contains"
        placeholder="client"
        value={filter.client}
        onInput={({ currentTarget }) => onFilter({ ...filter, client: currentTarget.value })}
      />
    </search>
  );
}
