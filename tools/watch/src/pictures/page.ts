import { interpolateVariables } from '@mqtt-cluster/monitoring';
import type { PrometheusApi, Series } from '../prometheus-api.ts';
import { graphHtml, heatmapHtml, statHtml, timelineHtml } from './charts.ts';
import type { NamedSeries } from './charts.ts';
import type { Dashboard, Panel } from './dashboard-json.ts';
import { escapeHtml, legendText } from './format.ts';
import { tableHtml } from './tables.ts';

/** Grid of Grafana: 24 columns, cells of 30 pixels and a margin of 8. */
const columns = 24;
const cellHeight = 38;
const margin = 8;
const titleHeight = 32;
export const pageWidth = 1_680;
const headHeight = 44;
const stepSeconds = 2;

export interface PageOptions {
  readonly api: PrometheusApi;
  /** Seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Value of the variable `$member` on dashboards of one member. */
  readonly member: string;
}

export interface RenderedPage {
  readonly html: string;
  /** Pixels. */
  readonly height: number;
}

/** Renders a dashboard from its JSON with the grid of Grafana, filled from Prometheus. */
export async function renderPage(dashboard: Dashboard, options: PageOptions): Promise<RenderedPage> {
  const parts: string[] = [];
  for (const panel of dashboard.panels) parts.push(await panelHtml(dashboard, panel, options));
  const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const height = headHeight + rows * cellHeight + margin;
  const html = `<!doctype html><meta charset="utf-8"><style>${style}</style><h1>${escapeHtml(dashboard.title)}</h1>${parts.join('')}`;
  return { html, height };
}

async function panelHtml(dashboard: Dashboard, panel: Panel, options: PageOptions): Promise<string> {
  const { x, y, w, h } = panel.gridPos;
  const cellWidth = (pageWidth - margin) / columns;
  const place = `left:${margin + x * cellWidth}px;top:${headHeight + y * cellHeight}px;width:${w * cellWidth - margin}px;height:${h * cellHeight - margin}px`;
  if (panel.type === 'row') return `<h2 style="${place}">▾ ${escapeHtml(panel.title)}</h2>`;
  const box = {
    width: Math.floor(w * cellWidth - margin - 18),
    height: h * cellHeight - margin - titleHeight - 8,
    from: options.from,
    to: options.to,
  };
  const content = await contentHtml(dashboard, panel, box, options);
  return `<section style="${place}"><h3>${escapeHtml(panel.title)}</h3>${content}</section>`;
}

async function contentHtml(
  dashboard: Dashboard,
  panel: Panel,
  box: { width: number; height: number; from: number; to: number },
  { api, from, to, member }: PageOptions,
): Promise<string> {
  const oneMember = dashboard.uid === 'mqtt-cluster-member';
  const expression = (text: string): string =>
    interpolateVariables(oneMember ? text.replaceAll('$member', member) : text);
  if (panel.type === 'table') {
    const results = await Promise.all(panel.targets.map(({ expr }) => api.query(expression(expr), to)));
    return tableHtml(panel, results);
  }
  const series: NamedSeries[] = [];
  for (const { expr, legendFormat = '' } of panel.targets) {
    const found: Series[] = await api.range(expression(expr), from, to, stepSeconds);
    series.push(...found.map((each) => ({ ...each, name: legendText(legendFormat, each.labels) })));
  }
  switch (panel.type) {
    case 'stat':
      // A stat shows the last value of a series that still exists.
      return statHtml(
        panel,
        series.filter(({ samples }) => (samples.at(-1)?.[0] ?? 0) > to - 30),
      );
    case 'state-timeline':
      return timelineHtml(panel, series, box, stepSeconds);
    case 'heatmap':
      return heatmapHtml(panel, series, box, stepSeconds);
    default:
      return graphHtml(panel, series, box, stepSeconds);
  }
}

const style = `
*{box-sizing:border-box}
body{margin:0;background:#111217;color:#ccccdc;font:13px Inter,"DejaVu Sans",sans-serif}
h1{font-size:18px;font-weight:500;margin:0;padding:12px 16px}
h2{position:absolute;font-size:15px;font-weight:500;margin:0;padding-top:4px}
section{position:absolute;background:#181b1f;border:1px solid #2c2e33;border-radius:2px;overflow:hidden;padding:0 8px}
h3{font-size:13px;font-weight:500;margin:0;height:${titleHeight}px;line-height:${titleHeight}px;white-space:nowrap}
svg{display:block} svg text{fill:#9fa7b3;font-size:11px}
table{width:100%;border-collapse:collapse} th{text-align:left;color:#6e9fff;font-weight:500}
td,th{padding:0 8px;height:34px;border-bottom:1px solid #2c2e33;white-space:nowrap}
.legend{overflow:hidden} .legend td,.legend th{height:${20}px;border:0;font-size:12px;padding:0 4px}
.legend td:nth-child(n+2),.legend th:nth-child(n+2){text-align:right;width:90px}
.legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;vertical-align:middle}
.stat{display:flex;height:calc(100% - ${titleHeight}px);align-items:center;justify-content:space-around;flex-wrap:wrap}
.stat b{font-size:34px;font-weight:500;display:block} .stat small{display:block;color:#ccccdc}
.n2 b,.n3 b{font-size:24px} .n4 b,.n5 b,.n6 b,.n7 b,.n8 b{font-size:17px}
.gauge{position:relative;height:20px;background:#22252b} .gauge i{position:absolute;left:0;top:0;bottom:0} .gauge b{position:absolute;right:4px;top:2px}
.empty{display:flex;align-items:center;justify-content:center;height:calc(100% - ${titleHeight}px);color:#9fa7b3;font-size:20px}
`;
