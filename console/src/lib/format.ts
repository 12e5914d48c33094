// How numbers, sizes, spans and instants are shown. Pure.
import { ExactNumber, formatJson, type Json } from './json.ts';

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(value: number): string {
  if (!Number.isFinite(value)) return '–';
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < SIZES.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(size) : short(size)} ${SIZES[unit]}`;
}

/** Three digits that matter: 0.123, 1.23, 12.3, 123. */
function short(value: number): string {
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 1,234,567 */
export function count(value: number): string {
  return Number.isFinite(value) ? GROUPED.format(value) : '–';
}

/** "1 record", "1,234 records" */
export function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

/** 1.23 k, 45.6 M: for axes and tiles. */
export function compact(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  for (const [limit, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (magnitude >= limit) return `${short(value / limit)} ${unit}`;
  }
  if (magnitude === 0 || Number.isInteger(value)) return String(value);
  return magnitude < 0.01 ? value.toExponential(1) : short(value);
}

export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${short(ms * 1000)} µs`;
  if (ms < 1000) return `${short(ms)} ms`;
  if (ms < 60_000) return `${short(ms / 1000)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** Ticks of a time axis: the time of day, or, over more than two days, the day. */
export function tick(seconds: number, rangeSeconds: number): string {
  const text = instant(new Date(seconds * 1000).toISOString());
  return rangeSeconds > 2 * 86_400 ? text.slice(5, 10) : text.slice(11, 16);
}

export function uptime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** "2024-01-15 10:00:00" in the reader's own zone; what is no instant stays as it is. */
export function instant(text: string | null | undefined): string {
  if (!text) return '–';
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const two = (value: number) => String(value).padStart(2, '0');
  return (
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  );
}

/** "3 min ago", "in 2 h". */
export function relative(text: string | null | undefined, now = Date.now()): string {
  if (!text) return 'never';
  const at = Date.parse(text);
  if (Number.isNaN(at)) return text;
  const seconds = Math.round((at - now) / 1000);
  const span = uptime(Math.abs(seconds));
  if (Math.abs(seconds) < 2) return 'now';
  return seconds < 0 ? `${span} ago` : `in ${span}`;
}

/** A value of a record as one line of text. */
export function cell(value: Json | undefined): string {
  if (value === undefined) return '';
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (value instanceof ExactNumber || typeof value !== 'object') return String(value);
  return formatJson(value);
}

/** One line of CSV, RFC 4180. Null and what is missing are empty. */
export function csvLine(values: (Json | undefined)[]): string {
  return values
    .map((value) => (value === null || value === undefined ? '' : cell(value)))
    .map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text))
    .join(',');
}
