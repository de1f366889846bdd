import type { BlockRange } from "../../repository/block-index.ts";

/**
 * Where a table is cut into ranges of pages. Pure.
 *
 * A base's boundaries are kept, since a block can only be the same as before if its range is. Where there is none, ranges
 * are made so long that their text comes to the wanted size, as far as the text that was seen tells.
 */

/** Bytes of text that a block should have. */
export const WANTED_BLOCK_SIZE = 256 * 1024;

/** A block of a base so many times as large as wanted is cut; so much more, so that a table that grows a little is not cut anew. */
const LARGEST_KEPT_BLOCK = 4;

/** Pages that the length of a range starts from. */
export const FIRST_RANGE_PAGES = 64;

/** A range may be so many times as long as the one before it. */
const LARGEST_GROWTH = 4;

/** Pages of the longest range: a table that is nearly empty is still read in pieces. */
const LONGEST_RANGE_PAGES = 4096;

/** Pages that one connection reads before it takes the next piece of work. */
const SEGMENT_PAGES = 4096;

/** Pages from `from` up to, not including, `to`; the last range of a table has no end. */
export interface PageRange {
  from: number;
  to: number | undefined;
}

/** A piece of a table that one connection reads. */
export interface Segment extends PageRange {
  /** The ranges that it is read in, where a base has set them; undefined where they are to be found while reading. */
  ranges: readonly PageRange[] | undefined;
}

/**
 * Cuts a table of `pages` pages into segments, in their order: those of the base with its boundaries, up to its last one;
 * what is behind it, new.
 */
export function planSegments(
  pages: number,
  base: readonly BlockRange[] | undefined,
  wantedSize: number = WANTED_BLOCK_SIZE,
): Segment[] {
  const kept = keptBoundaries(pages, base ?? [], wantedSize);
  const firstNew = kept.at(-1) ?? 0;
  const starts = [...newSegmentStarts(firstNew, pages)];
  const old: Segment[] = [];
  for (let index = 0; index + 1 < kept.length;) {
    const from = kept[index] ?? 0;
    const ranges: PageRange[] = [];
    let to = from;
    while (index + 1 < kept.length && (ranges.length === 0 || to - from < SEGMENT_PAGES)) {
      const start = to;
      index += 1;
      to = kept[index] ?? start;
      ranges.push({ from: start, to });
    }
    old.push({ from, to, ranges });
  }
  if (isStillShort(firstNew, pages, base ?? [], wantedSize)) {
    const last = { from: firstNew, to: undefined };
    return [...old, { ...last, ranges: [last] }];
  }
  const fresh = starts.map((from, index): Segment => ({ from, to: starts[index + 1], ranges: undefined }));
  return [...old, ...fresh];
}

/** Whether the range without an end, from page `from`, is to stay one: twice the wanted size, by the base's text per page. */
function isStillShort(from: number, pages: number, base: readonly BlockRange[], wantedSize: number): boolean {
  const last = base.at(-1);
  if (last === undefined) return false;
  if (last.fromPage > from) return true;
  const size = base.reduce((sum, { block }) => sum + (block?.size ?? 0), 0);
  return ((pages - from) * size) / Math.max(1, pages) <= 2 * wantedSize;
}

/** First pages of the base's ranges that the table still has, the large ones cut; the last one is where new ones begin. */
function keptBoundaries(pages: number, base: readonly BlockRange[], wantedSize: number): number[] {
  const boundaries: number[] = [];
  for (const [index, { fromPage, block }] of base.entries()) {
    if (fromPage > 0 && fromPage >= pages) break;
    boundaries.push(fromPage);
    const next = base[index + 1]?.fromPage;
    // The last one had no end: from its start on, ranges are found anew.
    if (next === undefined || next >= pages) break;
    if (block !== undefined && block.size > LARGEST_KEPT_BLOCK * wantedSize) {
      boundaries.push(...cut(fromPage, next, Math.ceil(block.size / wantedSize)));
    }
  }
  return boundaries;
}

/** The inner boundaries of a range that is cut into at most `count` ranges of the same length. */
function cut(from: number, to: number, count: number): number[] {
  const length = Math.max(1, Math.ceil((to - from) / count));
  const inner: number[] = [];
  for (let page = from + length; page < to; page += length) inner.push(page);
  return inner;
}

function* newSegmentStarts(from: number, pages: number): Generator<number, void, void> {
  yield from;
  for (let page = from + SEGMENT_PAGES; page < pages; page += SEGMENT_PAGES) yield page;
}

/** What is known of a table's text. */
export interface SeenText {
  pages: number;
  /** Bytes. */
  size: number;
}

/**
 * Pages of the next range, so that its text comes to the wanted size. `previous` is the last range's length: a gap of
 * empty pages does not make the next range a hundred times as long.
 */
export function chooseRangePages(
  { pages, size }: SeenText,
  previous: number,
  wantedSize: number = WANTED_BLOCK_SIZE,
): number {
  const most = Math.min(previous * LARGEST_GROWTH, LONGEST_RANGE_PAGES);
  if (pages === 0 || size === 0) return most;
  return Math.min(Math.max(1, Math.floor((wantedSize * pages) / size)), most);
}

/**
 * The next ranges of a segment, from page `from`, each of `length` pages: at most `count`. `end` is the table's length,
 * for the segment that has no end: its last range reaches to the table's end, wherever that is by now.
 */
export function nextRanges(
  segment: PageRange,
  { from, length, count, end }: { from: number; length: number; count: number; end: number },
): PageRange[] {
  const limit = segment.to ?? Math.max(end, from);
  const ranges: PageRange[] = [];
  let start = from;
  while (ranges.length < count) {
    const to = start + length;
    // A rest of less than half a range goes with the one before it.
    if (to + length / 2 >= limit) {
      ranges.push({ from: start, to: segment.to });
      break;
    }
    ranges.push({ from: start, to });
    start = to;
  }
  return ranges;
}
