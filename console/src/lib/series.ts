// From the answers of /api/series to what a chart draws. Pure.

export interface Series {
  service: string;
  labels: Record<string, string>;
  points: [string, number][];
}
export interface SeriesAnswer {
  name: string;
  of: string;
  step_seconds: number;
  series: Series[];
}

export interface Line {
  label: string;
  values: (number | null)[];
}
/** `x`: seconds since 1970, ascending; a line has a value for each, null where nothing was measured. */
export interface ChartData {
  x: number[];
  lines: Line[];
}

type ByTime = Map<number, number>;

function addUp(series: Series[], nameOf: (one: Series) => string): Map<string, ByTime> {
  const out = new Map<string, ByTime>();
  for (const one of series) {
    const name = nameOf(one);
    const sums = out.get(name) ?? new Map<number, number>();
    out.set(name, sums);
    for (const [at, value] of one.points) {
      const seconds = Date.parse(at) / 1000;
      sums.set(seconds, (sums.get(seconds) ?? 0) + value);
    }
  }
  return out;
}

/** Where there is no measure for longer than two steps, the line breaks. */
function toChart(lines: Map<string, ByTime>, step: number): ChartData {
  const times = [...new Set([...lines.values()].flatMap((line) => [...line.keys()]))].sort(
    (a, b) => a - b,
  );
  const x: number[] = [];
  for (const at of times) {
    const last = x[x.length - 1];
    if (last !== undefined && at - last > 2 * step) x.push(last + step);
    x.push(at);
  }
  const names = [...lines.keys()].sort();
  return {
    x,
    lines: names.map((label) => ({
      label,
      values: x.map((at) => lines.get(label)!.get(at) ?? null),
    })),
  };
}

/** The sum over all series of a service. */
export function sumBy(answer: SeriesAnswer): ChartData {
  return toChart(
    addUp(answer.series, (one) => one.service),
    answer.step_seconds,
  );
}

/** How long one took on average, by service: what all took by how many there were. */
export function meanBy(sum: SeriesAnswer, times: SeriesAnswer): ChartData {
  const took = addUp(sum.series, (one) => one.service);
  const counted = addUp(times.series, (one) => one.service);
  const out = new Map<string, ByTime>();
  for (const [name, values] of took) {
    const means: ByTime = new Map();
    for (const [at, value] of values) {
      const count = counted.get(name)?.get(at) ?? 0;
      if (count > 0) means.set(at, value / count);
    }
    out.set(name, means);
  }
  return toChart(out, sum.step_seconds);
}

/** Several answers as the lines of one chart. */
export function together(parts: { label: string; answer: SeriesAnswer }[]): ChartData {
  const lines = new Map<string, ByTime>();
  for (const { label, answer } of parts) {
    const sums = addUp(answer.series, () => label).get(label);
    if (sums) lines.set(label, sums);
  }
  return toChart(lines, parts[0]?.answer.step_seconds ?? 60);
}

/** The newest value of a line; null when there is none. */
export function lastOf(line: Line): number | null {
  return line.values.findLast((value) => value !== null) ?? null;
}

/** Charts of so many points are as fine as a screen. */
const POINTS = 180;
const STEPS = [15, 30, 60, 300, 900, 3600, 10_800, 21_600];

/** The least step, in seconds, with which a range has no more points than a screen shows. */
export function stepFor(rangeSeconds: number): number {
  return STEPS.find((step) => rangeSeconds / step <= POINTS) ?? STEPS[STEPS.length - 1]!;
}
