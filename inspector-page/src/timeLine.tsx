/** Sessions by state, what opens, ends and is refused each second, calls and streams, over the last minutes. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Sessions } from './sessions.ts';
import type { Trend } from './trend.ts';
import { count } from './wording.ts';

/** What the time line shows at least, in seconds. */
const SHORTEST = 30;

type Read = Parameters<Trend['curves']>[0][number];

interface Curve {
  readonly label: string;
  /** A custom property of CSS that is its colour. */
  readonly color: string;
  readonly read: Read;
}

interface PlotOf {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const INITIALIZING: Curve = {
  label: 'initializing',
  color: '--initializing',
  read: ({ initializing }) => initializing,
};
const RESTORING: Curve = { label: 'restoring', color: '--restoring', read: ({ restoring }) => restoring };
const ACTIVE: Curve = { label: 'active', color: '--active', read: ({ active }) => active };
const IDLE: Curve = { label: 'idle', color: '--idle', read: ({ idle }) => idle };
const OPENED: Curve = { label: 'opened', color: '--opened', read: ({ openedRate }) => openedRate };
const RESTORED: Curve = { label: 'restored', color: '--restoring', read: ({ restoredRate }) => restoredRate };
const PARKED: Curve = { label: 'parked', color: '--parked', read: ({ parkedRate }) => parkedRate };
const ENDED: Curve = { label: 'ended', color: '--terminated', read: ({ endedRate }) => endedRate };
const REFUSED: Curve = { label: 'refused', color: '--refused', read: ({ refusedRate }) => refusedRate };

const IN_FLIGHT: PlotOf = {
  title: 'in flight',
  curves: [
    { label: 'calls', color: '--active', read: ({ calls }) => calls },
    { label: 'streams', color: '--streams', read: ({ streams }) => streams },
  ],
};

const PLAIN: readonly PlotOf[] = [
  { title: 'sessions', curves: [INITIALIZING, ACTIVE, IDLE] },
  { title: 'a second', curves: [OPENED, ENDED, REFUSED] },
  IN_FLIGHT,
];

/** Those that are parked may be a thousand times as many as those that live here, so they have a scale of their own. */
const WITH_RECORDS: readonly PlotOf[] = [
  { title: 'sessions', curves: [INITIALIZING, RESTORING, ACTIVE, IDLE] },
  {
    title: 'parked sessions',
    curves: [{ label: 'in all', color: '--parked', read: ({ parkedNow }) => parkedNow }],
  },
  { title: 'a second', curves: [OPENED, RESTORED, PARKED, ENDED, REFUSED] },
  IN_FLIGHT,
];

export function TimeLine({ sessions }: { readonly sessions: Sessions }) {
  const plots = sessions.keepsRecords ? WITH_RECORDS : PLAIN;
  return (
    <section class={plots.length > 3 ? 'panel timeline many' : 'panel timeline'} aria-label="Time line">
      {plots.map(({ title, curves }) => (
        <Plot key={title} sessions={sessions} title={title} curves={curves} />
      ))}
    </section>
  );
}

interface PlotProps extends PlotOf {
  readonly sessions: Sessions;
}

function Plot({ sessions, title, curves }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const plot = new uPlot(options(curves), sessions.trend.curves(curves.map(({ read }) => read)), element);
    const fit = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0 && height > 0) plot.setSize({ width, height });
    };
    const resized = new ResizeObserver(fit);
    resized.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const recolor = (): void => plot.redraw(false, true);
    dark.addEventListener('change', recolor);
    const stop = sessions.onFrame(() => {
      const data = sessions.trend.curves(curves.map(({ read }) => read));
      plot.setData(data);
      const values = legend.current?.querySelectorAll('b') ?? [];
      curves.forEach((_, i) => {
        const value = data[i + 1]?.at(-1) ?? 0;
        const written = Number.isInteger(value) ? count(value) : value.toFixed(1);
        if (values[i] !== undefined) values[i].textContent = written;
      });
    });
    return () => {
      stop();
      dark.removeEventListener('change', recolor);
      resized.disconnect();
      plot.destroy();
    };
  }, [sessions, curves]);
  return (
    <figure>
      <figcaption ref={legend}>
        {title}
        {curves.map(({ label, color }) => (
          <span key={label}>
            <i style={{ background: `var(${color})` }} /> {label} <b>0</b>
          </span>
        ))}
      </figcaption>
      <div class="plot" ref={box} />
    </figure>
  );
}

function options(curves: readonly Curve[]): uPlot.Options {
  const axis = { stroke: () => colorOf('--soft'), font: '11px system-ui', ticks: { show: false } };
  const grid = { stroke: () => colorOf('--grid'), width: 1 };
  return {
    width: 300,
    height: 90,
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 8, 0, 0],
    scales: {
      x: { range: (_, min, max) => (max === null ? [0, SHORTEST] : [Math.min(min, max - SHORTEST), max]) },
      y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      { ...axis, size: 20, grid: { show: false }, space: 70 },
      {
        ...axis,
        size: 46,
        grid,
        space: 15,
        values: (_, values) => values.map((n) => (Number.isInteger(n) ? count(n) : '')),
      },
    ],
    series: [
      {},
      ...curves.map(({ label, color }) => ({
        label,
        stroke: () => colorOf(color),
        width: 1.75,
        points: { show: false },
      })),
    ],
  };
}

function colorOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property);
}
