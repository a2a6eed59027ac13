import type { FieldOptions } from './dashboard-json.ts';

const colors: Readonly<Record<string, string>> = {
  green: '#73bf69',
  yellow: '#fade2a',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#5794f2',
  purple: '#b877d9',
  text: '#ccccdc',
};

export function cssColor(name: string): string {
  return colors[name] ?? name;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Three significant digits, as Grafana shows a number without configured decimals. */
function digits(value: number, decimals: number | undefined): string {
  if (decimals !== undefined) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function scaled(value: number, base: number, units: readonly string[], decimals: number | undefined): string {
  let rest = value;
  let index = 0;
  while (Math.abs(rest) >= base && index < units.length - 1) {
    rest /= base;
    index++;
  }
  return `${digits(rest, decimals)}${units[index]}`;
}

function duration(seconds: number, decimals: number | undefined): string {
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 0.001) return `${digits(seconds * 1e6, decimals)} µs`;
  if (size < 1) return `${digits(seconds * 1e3, decimals)} ms`;
  if (size < 60) return `${digits(seconds, decimals)} s`;
  if (size < 3_600) return `${digits(seconds / 60, decimals)} mins`;
  return size < 86_400
    ? `${digits(seconds / 3_600, decimals)} hours`
    : `${digits(seconds / 86_400, decimals)} days`;
}

/** Returns a value with its unit, as Grafana shows it. */
export function formatValue(value: number, unit: string, decimals?: number): string {
  if (!Number.isFinite(value)) return String(value);
  switch (unit) {
    case 'percentunit':
      return `${digits(value * 100, decimals)}%`;
    case 's':
      return duration(value, decimals);
    case 'bytes':
      return scaled(value, 1_024, [' B', ' KiB', ' MiB', ' GiB', ' TiB'], decimals);
    case 'binBps':
      return scaled(value, 1_024, [' B/s', ' KiB/s', ' MiB/s', ' GiB/s'], decimals);
    case 'si:/s':
      return scaled(value, 1_000, [' /s', ' k/s', ' M/s'], decimals);
    case 'short':
      return scaled(value, 1_000, ['', ' K', ' Mil', ' Bil'], decimals);
    case 'celsius':
      return `${digits(value, decimals)} °C`;
    case 'dateTimeFromNow':
      return `${duration((Date.now() - value) / 1_000, 0)} ago`;
    default:
      return digits(value, decimals);
  }
}

/** Returns the text and the colour of a value. */
export function shownValue(value: number, options: FieldOptions): { text: string; color: string } {
  const mapped = options.texts[String(value)];
  if (mapped !== undefined) return { text: mapped.text, color: cssColor(mapped.color) };
  const steps = options.steps.filter((step) => step.value === null || value >= step.value);
  return {
    text: formatValue(value, options.unit, options.decimals),
    color: cssColor(steps.at(-1)?.color ?? 'text'),
  };
}

export function legendText(template: string, labels: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => labels[name] ?? '');
}
