/** The sessions as a table: however many there are, only the rows that can be seen exist. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type AnyRow, type Column, clientName, type Filter, isEnded, isParked, type Order, pick } from './pick.ts';
import type { Sessions } from './sessions.ts';
import { useFrames, useTicks } from './useFrames.ts';
import { count, duration } from './wording.ts';

/** As in style.css. */
const ROW_HEIGHT = 32;

/** Rows that exist above and below those that can be seen. */
const MARGIN = 8;

const COLUMNS: readonly { readonly column: Column; readonly title: string }[] = [
  { column: 'session', title: 'session' },
  { column: 'state', title: 'state' },
  { column: 'age', title: 'age' },
  { column: 'calls', title: 'calls' },
  { column: 'streams', title: 'streams' },
  { column: 'left', title: 'idle time left' },
  { column: 'principal', title: 'principal' },
  { column: 'client', title: 'client' },
];

export interface SessionTableProps {
  readonly sessions: Sessions;
  readonly filter: Filter;
  readonly opened: string | undefined;
  readonly onOpen: (key: string) => void;
}

export function SessionTable({ sessions, filter, opened, onOpen }: SessionTableProps) {
  const [order, setOrder] = useState<Order>({ by: 'age', descending: false });
  const [view, setView] = useState({ top: 0, height: 600 });
  const [current, setCurrent] = useState<string>();
  const cost = useRef(0);
  const body = useRef<HTMLDivElement>(null);
  const focusNext = useRef(false);
  useFrames(sessions, cost);
  useTicks(1_000);
  const picked = useRef<{ rows: AnyRow[]; what: string }>({ rows: [], what: '' });
  const what = JSON.stringify([sessions.version, filter, order]);
  if (picked.current.what !== what) {
    const began = performance.now();
    picked.current = { rows: pick(sessions, filter, order), what };
    cost.current = performance.now() - began;
  }
  const { rows } = picked.current;

  useLayoutEffect(() => {
    const element = body.current;
    if (element === null) return;
    const resized = new ResizeObserver(() => setView({ top: element.scrollTop, height: element.clientHeight }));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (!focusNext.current) return;
    focusNext.current = false;
    body.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
  });

  const from = Math.max(0, Math.floor(view.top / ROW_HEIGHT) - MARGIN);
  const shown = rows.slice(from, Math.ceil((view.top + view.height) / ROW_HEIGHT) + MARGIN);
  // One row can be reached by Tab, the arrows lead on from it.
  const reachable = shown.some(({ key }) => key === current) ? current : shown[Math.min(MARGIN, from)]?.key;

  const moveTo = (index: number): void => {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    const element = body.current;
    const row = rows[to];
    if (element === null || row === undefined) return;
    const top = to * ROW_HEIGHT;
    const seen = element.clientHeight - 2 * ROW_HEIGHT; // less the head, and the row itself
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + seen) element.scrollTop = top - seen;
    setView({ top: element.scrollTop, height: element.clientHeight });
    setCurrent(row.key);
    focusNext.current = true;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!(event.target instanceof HTMLElement) || event.target.dataset['key'] === undefined) return;
    const at = rows.findIndex(({ key }) => key === reachable);
    const page = Math.max(1, Math.floor(view.height / ROW_HEIGHT) - 1);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = steps[event.key];
    if (to !== undefined) moveTo(to);
    else if (event.key === 'Enter' && reachable !== undefined) onOpen(reachable);
    else return;
    event.preventDefault();
  };
  const titles = TITLES[filter.state] ?? {};

  return (
    // biome-ignore-start lint/a11y/useSemanticElements: rows that are placed by themselves can't be in a table element
    // biome-ignore-start lint/a11y/useFocusableInteractive: the rows take the focus
    <div class="table" role="grid" aria-label="Sessions" aria-rowcount={rows.length + 1}>
      <div
        class="body"
        role="rowgroup"
        ref={body}
        onScroll={({ currentTarget: { scrollTop, clientHeight } }) => setView({ top: scrollTop, height: clientHeight })}
        onKeyDown={onKeyDown}
      >
        <div class="row head" role="row">
          {COLUMNS.map(({ column, title }) => (
            <div
              key={column}
              role="columnheader"
              class={column}
              aria-sort={order.by === column ? (order.descending ? 'descending' : 'ascending') : 'none'}
            >
              <button
                type="button"
                onClick={() => setOrder({ by: column, descending: order.by === column && !order.descending })}
              >
                {titles[column] ?? title}
                <span aria-hidden="true">{order.by === column ? (order.descending ? ' ▾' : ' ▴') : ''}</span>
              </button>
            </div>
          ))}
        </div>
        <div class="all" role="presentation" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
          {shown.map((row, i) => (
            <SessionRow
              key={row.key}
              row={row}
              now={sessions.now()}
              index={from + i}
              reachable={row.key === reachable}
              opened={row.key === opened}
              onOpen={() => {
                setCurrent(row.key);
                onOpen(row.key);
              }}
            />
          ))}
        </div>
        {rows.length === 0 && <p class="empty">{emptiness(sessions, filter)}</p>}
      </div>
      <p class="foot">
        {count(rows.length)} shown of {count(sessions.of(filter.state).size)}
        {kept(sessions, filter)}
      </p>
    </div>
    // biome-ignore-end lint/a11y/useFocusableInteractive: see above
    // biome-ignore-end lint/a11y/useSemanticElements: see above
  );
}

/** Where a column says something else than of a session that lives here. */
const TITLES: Partial<Record<Filter['state'], Partial<Record<Column, string>>>> = {
  parked: { age: 'parked' },
  terminated: { state: 'reason', age: 'ended', left: 'lived' },
};

/** What there is beyond the rows. */
function kept({ hello, totals }: Sessions, { state }: Filter): string {
  if (hello === undefined) return '';
  const most = count(hello.maxEnded);
  if (state === 'terminated') return `, the last ${most} that ended are kept`;
  if (state !== 'parked') return '';
  return `, the last ${most} that were parked here are kept; parked in all: ${count(totals?.states.parked ?? 0)}`;
}

function emptiness(sessions: Sessions, { state }: Filter): string {
  if (!sessions.complete) return 'Waiting for the sessions.';
  if (state === 'terminated') return sessions.ended.size === 0 ? 'None has ended yet.' : 'None like that has ended.';
  if (state === 'parked')
    return sessions.parked.size === 0 ? 'None has been parked lately.' : 'None like that is parked.';
  return sessions.live.size === 0
    ? 'No session yet. It appears here as soon as a client initializes.'
    : 'None like that.';
}

interface SessionRowProps {
  readonly row: AnyRow;
  readonly now: number;
  readonly index: number;
  readonly reachable: boolean;
  readonly opened: boolean;
  readonly onOpen: () => void;
}

function SessionRow({ row, now, index, reachable, opened, onOpen }: SessionRowProps) {
  const ended = isEnded(row);
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    // biome-ignore lint/a11y/useKeyWithClickEvents: the body hears the keys
    <div
      class={opened ? 'row opened' : 'row'}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={opened}
      tabIndex={reachable ? 0 : -1}
      data-key={row.key}
      style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
      onClick={onOpen}
    >
      <Cell is="session">{row.id ?? row.key}</Cell>
      <Cell is="state">
        <span class={`badge ${row.state}`}>{ended ? row.reason : row.state}</span>
      </Cell>
      <Cell is="age">{age(row, now)}</Cell>
      <Cell is="calls">{count(row.calls)}</Cell>
      <Cell is="streams">{count(row.openStreams)}</Cell>
      <Cell is="left">{ended ? duration(row.endedAt - row.createdAt) : <TimeLeft row={row} now={now} />}</Cell>
      <Cell is="principal">{row.principal ?? '–'}</Cell>
      <Cell is="client">{clientName(row) || '–'}</Cell>
    </div>
  );
}

/** How long it has lived, or how long ago it left. */
function age(row: AnyRow, now: number): string {
  if (isEnded(row)) return `${duration(now - row.endedAt)} ago`;
  return isParked(row) ? `${duration(now - row.parkedAt)} ago` : duration(now - row.createdAt);
}

function Cell({ is, children }: { readonly is: Column; readonly children: preact.ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    // biome-ignore lint/a11y/useFocusableInteractive: the row takes the focus
    <div class={is} role="gridcell">
      {children}
    </div>
  );
}

function TimeLeft({ row: { idleDeadline, lastActiveAt, state }, now }: { readonly row: AnyRow; readonly now: number }) {
  if (idleDeadline === null) return state === 'idle' || state === 'parked' ? 'no limit' : '–';
  const left = Math.max(0, idleDeadline - now);
  const share = Math.min(1, left / Math.max(1, idleDeadline - lastActiveAt));
  return (
    <span class="left-bar">
      <span class="track">
        <span class={share < 0.2 ? 'fill low' : 'fill'} style={{ width: `${share * 100}%` }} />
      </span>
      {duration(left)}
    </span>
  );
}
