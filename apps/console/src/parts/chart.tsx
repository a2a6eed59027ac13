import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

/** How a line looks: from the quietest to the strongest. */
type LineStyle = 'faint' | 'accent' | 'ink';

export interface ChartLine {
  readonly label: string;
  readonly style: LineStyle;
  readonly values: readonly (number | null)[];
}

const height = 140;
const spanSeconds = 300;
const dashes: Readonly<Record<LineStyle, number[]>> = { faint: [2, 3], accent: [], ink: [6, 3] };

/** Lines over the last five minutes. The canvas has a text of its own for screen readers. */
export function Chart({
  title,
  unit,
  times,
  lines,
  format,
}: {
  title: string;
  unit: string;
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number | null) => string;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const labels = lines.map(({ label, style }) => `${label} ${style}`).join(' ');
  const data = [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const build = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, lines, format), data, element);
    };
    build();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', build);
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      scheme.removeEventListener('change', build);
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [labels]);
  useEffect(() => plot.current?.setData(data));
  const now = lines.map(({ label, values }) => `${label} ${format(values.at(-1) ?? null)}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span> <span class="quiet">{unit}</span>
        <span class="legend">
          {lines.map(({ label, style, values }) => (
            <span key={label} class="legend-item">
              <span class={`legend-line legend-${style}`} aria-hidden="true" />
              {label} <b>{format(values.at(-1) ?? null)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div
        ref={frame}
        class="chart-canvas"
        role="img"
        aria-label={`${title}, ${unit}, last five minutes. Now: ${now}.`}
      />
    </figure>
  );
}

function options(
  element: HTMLElement,
  lines: readonly ChartLine[],
  format: (value: number | null) => string,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = {
    stroke: colour('--ink-2'),
    font,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    // The right side has room for a half of the last label of the time.
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      // The last sample is at the right edge, also before five minutes have passed.
      x: {
        time: true,
        range: (_plot, _min, max) => [(max || Date.now() / 1000) - spanSeconds, max || Date.now() / 1000],
      },
      y: { range: (_plot, _min, max) => [0, Math.max(1, (max || 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        size: 24,
        values: (_plot, ticks) => ticks.map((tick) => new Date(tick * 1000).toTimeString().slice(0, 5)),
      },
      { ...axis, space: 34, size: 62, values: (_plot, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...lines.map(({ label, style: lineStyle }) => ({
        label,
        stroke: colour({ faint: '--ink-3', accent: '--accent', ink: '--ink' }[lineStyle]),
        width: 1.5,
        dash: dashes[lineStyle],
        // A line needs two samples; the first one is a point.
        points: { show: (plot: uPlot) => plot.data[0].length < 2, size: 5 },
        spanGaps: false,
      })),
    ],
  };
}
