import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { chartFiles } from './sweep-report.ts';
import type { SweepPoint } from './sweep.ts';

/** Writes the charts of a sweep as SVG files. */
export function writeSweepCharts(folder: string, points: readonly SweepPoint[]): void {
  const latency = chart(points, 'endToEndP50', 'arrival after PUBLISH, p50, ms');
  const processor = chart(points, 'processorMs', 'processor time of a message and member, ms');
  writeFileSync(join(folder, chartFiles.latency), latency);
  writeFileSync(join(folder, chartFiles.processor), processor);
}

/** Draws one figure over the load, with a line for each target and logarithmic axes. @returns an SVG document */
export function chart(
  points: readonly SweepPoint[],
  figure: 'endToEndP50' | 'processorMs',
  label: string,
): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  // A point without deliveries has no place on a logarithmic axis.
  const drawn = points
    .filter((point) => point.perSecond > 0 && point[figure] > 0)
    .sort((a, b) => a.perSecond - b.perSecond);
  const drawing = Plot.plot({
    document: document as unknown as NonNullable<Plot.PlotOptions['document']>,
    width: 720,
    height: 420,
    marginLeft: 56,
    marginRight: 84,
    style: { background: 'white', color: 'black', fontSize: '12px' },
    x: { type: 'log', label: 'messages a second', grid: true },
    y: { type: 'log', label, grid: true, tickFormat: '~g' },
    color: { type: 'categorical' },
    marks: [
      Plot.frame(),
      Plot.line(drawn, { x: 'perSecond', y: figure, stroke: 'target', marker: true }),
      Plot.text(
        drawn,
        Plot.selectLast({
          x: 'perSecond',
          y: figure,
          z: 'target',
          text: 'target',
          fill: 'target',
          textAnchor: 'start',
          dx: 8,
        }),
      ),
    ],
  });
  drawing.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${drawing.outerHTML}\n`;
}
