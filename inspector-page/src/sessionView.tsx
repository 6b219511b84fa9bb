/** One session: where it is in its statechart, what happened to it and when, and why it ended. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ChildView } from './childView.tsx';
import type { Connection } from './connection.ts';
import { clientName, isEnded, isParked } from './pick.ts';
import { toJson, toMermaid } from './sequence.ts';
import { SequenceDiagram } from './sequenceDiagram.tsx';
import type { Sessions } from './sessions.ts';
import { Statechart } from './statechart.tsx';
import { TerminateButton } from './terminateButton.tsx';
import { useFrames, useTicks } from './useFrames.ts';
import { duration, REASONS } from './wording.ts';

export interface SessionViewProps {
  readonly sessions: Sessions;
  readonly connection: Connection;
  readonly sessionKey: string;
  readonly onClose: () => void;
}

export function SessionView({ sessions, connection, sessionKey, onClose }: SessionViewProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [, setShown] = useState(0);
  useFrames(sessions);
  useTicks(1_000);
  useEffect(() => {
    sessions.opened = undefined;
    sessions.result = undefined;
    setShown((n) => n + 1);
    connection.watch(sessionKey);
    heading.current?.focus();
    return () => connection.watch(undefined);
  }, [sessions, connection, sessionKey]);
  const frame = sessions.opened?.key === sessionKey ? sessions.opened : undefined;
  const row =
    frame?.row ?? sessions.live.get(sessionKey) ?? sessions.parked.get(sessionKey) ?? sessions.ended.get(sessionKey);
  const unknown = frame === undefined && sessions.result?.of === 'open' && sessions.result.outcome === 'unknown';
  const { result } = sessions;
  const mayComeBack = result?.of === 'terminate' && result.key === sessionKey && result.outcome === 'failed';
  return (
    <aside class="view panel" aria-label="One session">
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {row?.id ?? sessionKey}
        </h2>
        <button type="button" class="close" onClick={onClose}>
          Close <kbd>Esc</kbd>
        </button>
      </header>
      {unknown && <p class="soft">The server knows no such session any more.</p>}
      {mayComeBack && (
        <p class="soft">
          The session store could not remove its record: it is tried again, and until then it may come back.
        </p>
      )}
      {row !== undefined && (
        <>
          {isEnded(row) && (
            <p class="reason">
              <span class="badge terminated">{row.reason}</span> It {REASONS[row.reason]}.
            </p>
          )}
          {row.state === 'parked' && (
            <p class="reason">
              <span class="badge parked">parked</span> Its record is all that is left of it here; a request brings it
              back.
            </p>
          )}
          <Statechart
            label={`This session is ${row.state}`}
            records={sessions.keepsRecords}
            notes={{}}
            lit={row.state}
          />
          <dl>
            <Fact name="client">{clientName(row) || 'unknown'}</Fact>
            <Fact name="protocol">{row.protocolVersion ?? 'unknown'}</Fact>
            <Fact name="principal">{row.principal ?? 'nobody known'}</Fact>
            <Fact name="calls in flight">{row.calls}</Fact>
            <Fact name="streams open">{row.openStreams}</Fact>
            <Fact name={isEnded(row) ? 'lived' : 'age'}>
              {duration((isEnded(row) ? row.endedAt : sessions.now()) - row.createdAt)}
            </Fact>
            {isParked(row) && <Fact name="parked">{duration(sessions.now() - row.parkedAt)} ago</Fact>}
            {row.epoch > 1 && <Fact name="epoch">{row.epoch}</Fact>}
            {row.idleDeadline !== null && !isEnded(row) && (
              <Fact name="idle time left">{duration(row.idleDeadline - sessions.now())}</Fact>
            )}
          </dl>
        </>
      )}
      {frame?.child !== undefined && <ChildView child={frame.child} />}
      {frame !== undefined && (
        <>
          <p class="actions">
            <button type="button" onClick={() => save(`session-${sessionKey}.json`, toJson(frame))}>
              Save as JSON
            </button>
            <button type="button" onClick={() => save(`session-${sessionKey}.mmd`, toMermaid(frame))}>
              Save as Mermaid
            </button>
            {sessions.hello?.allowTerminate === true && !isEnded(frame.row) && (
              <TerminateButton
                what={frame.row.id ?? sessionKey}
                inFlight={frame.row.inFlight}
                onTerminate={() => connection.terminate(sessionKey)}
              />
            )}
          </p>
          <SequenceDiagram frame={frame} />
        </>
      )}
    </aside>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
