// Which rows of a long table are drawn. Pure.

export interface Window {
  first: number;
  /** One past the last. */
  end: number;
}

/** Those in sight and `spare` more on either side, so that scrolling shows no gap. */
export function windowOf(
  scrollTop: number,
  viewHeight: number,
  rowHeight: number,
  rows: number,
  spare = 8,
): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  const end = Math.min(rows, Math.ceil((scrollTop + viewHeight) / rowHeight) + spare);
  return { first: Math.min(first, rows), end: Math.max(end, 0) };
}

/** How far to scroll so that a row is in sight; the same when it is. */
export function scrollFor(
  row: number,
  scrollTop: number,
  viewHeight: number,
  rowHeight: number,
): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewHeight) return top + rowHeight - viewHeight;
  return scrollTop;
}

const NARROWEST = 6;
const WIDEST = 40;

/** How many characters wide each column is drawn: as its heading and the first rows need. */
export function widthsOf(headings: string[], texts: string[][]): number[] {
  return headings.map((heading, column) => {
    const longest = texts.reduce(
      (most, row) => Math.max(most, row[column]?.length ?? 0),
      heading.length,
    );
    return Math.min(WIDEST, Math.max(NARROWEST, longest));
  });
}
