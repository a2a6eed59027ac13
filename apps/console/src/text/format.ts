const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** The text for a figure that no member reported. */
export const absent = '–';

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? absent : grouped.format(value);
}

/** Formats a rate: one decimal below 10, whole numbers above. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent;
  if (value === 0) return '0';
  return value < 9.95 ? oneDecimal.format(value) : grouped.format(value);
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent;
  let size = value;
  let unit = 0;
  while (size >= 1023.5 && unit < byteUnits.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 99.95 ? grouped.format(size) : oneDecimal.format(size)} ${byteUnits[unit]}`;
}

/** Formats a time between two events in milliseconds. */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent;
  if (value < 9.95) return `${oneDecimal.format(value)} ms`;
  return value < 10_000 ? `${grouped.format(value)} ms` : `${oneDecimal.format(value / 1000)} s`;
}

const spans = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** Formats a duration with at most two units, such as `2 h 5 min`. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of spans) {
    const whole = Math.floor(rest / size);
    if (parts.length === 1) {
      if (whole > 0) parts.push(`${whole} ${unit}`);
      break;
    }
    if (whole > 0) parts.push(`${whole} ${unit}`);
    rest -= whole * size;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

export function ago(atMs: number | null, nowMs: number): string {
  return atMs === null ? absent : `${duration((nowMs - atMs) / 1000)} ago`;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** Formats a time of day of this browser's time zone: `14:03:09`. */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  return `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}`;
}

/** The same with milliseconds: `14:03:09.120`. */
export function preciseClock(atMs: number): string {
  return `${clock(atMs)}.${pad(new Date(atMs).getMilliseconds(), 3)}`;
}

export function dateAndClock(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1, 2)}-${pad(at.getDate(), 2)} ${clock(atMs)}`;
}

/** Joins names: `m1`, `m1 and m2`, `m1, m2 and m3`. */
export function names(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Formats Session Expiry Interval: 0xffffffff means that the session never expires [MQTT5 3.1.2.11.2]. */
export function expiry(seconds: number | null): string {
  if (seconds === null) return absent;
  if (seconds === 0) return 'at the end of the connection';
  return seconds >= 0xffffffff ? 'never' : `${duration(seconds)} after the end of the connection`;
}
