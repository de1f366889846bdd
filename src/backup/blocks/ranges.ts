import type { BlockRange } from "../../repository/blocks/stored-block.ts";
import type { BlockList } from "../../repository/blocks/block-list.ts";
import { itemOf, pageOf, tuplePosition, type TuplePosition } from "../../repository/blocks/tuple-position.ts";

/**
 * Where a table is cut into ranges. Pure.
 *
 * A base's boundaries are kept, since a block can only be the same as before if its range is. Where there is none, ranges
 * are made so long that their text comes to the wanted size, as far as the text that was seen tells. They end where pages
 * do; inside of a page only where its rows are so long that one page's text is several blocks.
 */

/** Bytes of text that a block should have. */
export const WANTED_BLOCK_SIZE = 256 * 1024;

/** A block of a base so many times as large is cut; not sooner, so that a table that grows a little is not cut anew. */
const LARGEST_KEPT = 4;

/** A range so many times as large as wanted stays one. */
const LARGEST_RANGE = 2;

/** Pages that the length of a range starts from. */
export const FIRST_RANGE_PAGES = 64;

/** A range may be so many times as long as the one before it. */
const LARGEST_GROWTH = 4;

/** Pages of the longest range: a table that is nearly empty is still read in pieces. */
const LONGEST_RANGE_PAGES = 4096;

/** What one connection reads before it takes the next piece of work: pages, and bytes. */
const SEGMENT_PAGES = 4096;
const SEGMENT_SIZE = 64 * 1024 * 1024;

/** Rows that a page can have: a tuple takes 24 bytes and more of its 8 KB. */
const MOST_ITEMS = 291;

/** A page may have so many times as many rows as the others. */
const ITEMS_MARGIN = 1.5;

/** Positions from `from` up to, not including, `to`; the last range of a table has no end. */
export interface Range {
  from: TuplePosition;
  to: TuplePosition | undefined;
}

/** A piece of a table that one connection reads. */
export interface Segment extends Range {
  /** Where the ranges begin that it is read in, if a base has set them; undefined where they are to be found while reading. */
  starts: readonly TuplePosition[] | undefined;
}

/** What is known of a table before it is read. */
export interface TableLength {
  pages: number;
  /** Bytes, with what is stored out of line. */
  size: number;
}

/**
 * Cuts a table into segments, in their order: those of the base with its boundaries, up to its last one; what is behind
 * it, new. `wanted`: bytes of text that a block should have.
 */
export function planSegments(
  table: TableLength,
  base: BlockList | undefined,
  wanted = WANTED_BLOCK_SIZE,
): Segment[] {
  if (base === undefined || base.length === 0) return newSegments(0, table);
  const size = textSizeOf(base);
  const boundaries = keptBoundaries(table.pages, base, wanted);
  const open = boundaries.pop() ?? 0;
  const old = groupRanges(boundaries, open, { pages: table.pages, size });
  if (!isStillShort(open, { pages: table.pages, size }, base.at(base.length - 1), wanted)) {
    return [...old, ...newSegments(open, table)];
  }
  return [...old, { from: open, to: undefined, starts: [open] }];
}

/** The ranges of a segment that has starts, from one of them on, as many as are left and `count` at most. */
export function rangesOf({ starts = [], to }: Segment, first: number, count: number): Range[] {
  const some = starts.slice(first, first + count);
  return some.map((from, index) => ({ from, to: starts[first + index + 1] ?? to }));
}

/** Where the base's ranges begin that the table still has, the large ones cut. The last one has no end. */
function keptBoundaries(pages: number, base: BlockList, wanted: number): TuplePosition[] {
  const boundaries: TuplePosition[] = [];
  let previous: BlockRange | undefined;
  for (const range of base) {
    // One that reached behind the table's end has none now: from its start on, ranges are found anew.
    if (previous !== undefined) {
      if (pageOf(range.from) >= pages) break;
      boundaries.push(...cutLarge(previous, range.from, wanted));
    }
    boundaries.push(range.from);
    previous = range;
  }
  return boundaries;
}

/** The inner boundaries of a range whose text has become too long. */
function cutLarge({ from, block }: BlockRange, to: TuplePosition, wanted: number): TuplePosition[] {
  if (block === undefined || block.rows === 1 || block.size <= wanted * LARGEST_KEPT) return [];
  return cut(from, to, Math.min(block.rows, Math.ceil(block.size / wanted)));
}

/** The inner boundaries of a range that is cut into at most `count` ranges: between pages, or else inside of them. */
function cut(from: TuplePosition, to: TuplePosition, count: number): TuplePosition[] {
  const pages = Math.max(1, Math.ceil((to - from) / tuplePosition(1)));
  const items = Math.ceil((MOST_ITEMS * pages) / count);
  const length: RangeLength =
    count <= pages ? { pages: Math.ceil(pages / count) } : { items, most: MOST_ITEMS };
  const inner: TuplePosition[] = [];
  for (let at = endOfRange(from, length); at < to; at = endOfRange(at, length)) inner.push(at);
  return inner;
}

/** Puts ranges that begin at `starts`, and end at `end`, together to segments. */
function groupRanges(starts: readonly TuplePosition[], end: TuplePosition, text: TableLength): Segment[] {
  const segments: Segment[] = [];
  const longest = tuplePosition(segmentPages(text));
  let open: TuplePosition[] = [];
  for (const [index, start] of starts.entries()) {
    open.push(start);
    const from = open[0] ?? start;
    const to = starts[index + 1] ?? end;
    if (to - from < longest && index < starts.length - 1) continue;
    segments.push({ from, to, starts: open });
    open = [];
  }
  return segments;
}

/** Whether the range without an end, the base's `last` or one before it, is to stay one, as far as the base tells of its text. */
function isStillShort(
  from: TuplePosition,
  { pages, size }: TableLength,
  last: BlockRange,
  wanted: number,
): boolean {
  if (last.from > from) return true;
  const whole = pages - pageOf(from) - (itemOf(from) > 0 ? 1 : 0);
  const perPage = size / Math.max(1, pages);
  const expected = Math.max(last.block?.size ?? 0, whole * perPage);
  const isOneRow = last.block?.rows === 1 && pages <= pageOf(from) + 1;
  return isOneRow || expected <= wanted * LARGEST_RANGE;
}

function textSizeOf(base: BlockList): number {
  let size = 0;
  for (const { block } of base) size += block?.size ?? 0;
  return size;
}

function newSegments(from: TuplePosition, table: TableLength): Segment[] {
  const starts = [from];
  const length = segmentPages(table);
  for (let page = pageOf(from) + length; page < table.pages; page += length) starts.push(tuplePosition(page));
  return starts.map((start, index) => ({ from: start, to: starts[index + 1], starts: undefined }));
}

function segmentPages({ pages, size }: TableLength): number {
  return Math.min(SEGMENT_PAGES, roundLength((SEGMENT_SIZE * pages) / Math.max(1, size)));
}

/** What is known of a table's text. */
export interface SeenText {
  pages: number;
  /** Bytes. */
  size: number;
  rows: number;
  /** Whether no page of it was read yet. */
  isGuess: boolean;
}

/**
 * Rounded down to 1, 2, 3, 4, 6, 8, 12, 16, …: a little more or less text gives the same ranges, so that a run that is made
 * once more finds what the one before it stored.
 */
function roundLength(pages: number): number {
  if (pages < 2) return 1;
  const power = 2 ** Math.floor(Math.log2(pages));
  return pages >= power * 1.5 ? power * 1.5 : power;
}

/** How long a range is: whole pages; or items of one page, of which it has `most`. */
export type RangeLength = { pages: number } | { items: number; most: number };

/**
 * The length of the next range, so that its text comes to the wanted size. `previous` is the last range's: a gap of empty
 * pages does not make the next range a hundred times as long.
 */
export function chooseRangeLength(
  { pages, size, rows, isGuess }: SeenText,
  previous: RangeLength,
  wanted = WANTED_BLOCK_SIZE,
): RangeLength {
  const before = "pages" in previous ? previous.pages : 1;
  const most = Math.min(before * LARGEST_GROWTH, LONGEST_RANGE_PAGES);
  if (pages === 0 || size === 0) return { pages: most };
  const perPage = size / pages;
  if (perPage <= wanted * LARGEST_RANGE || rows <= pages) {
    return { pages: Math.min(roundLength(wanted / perPage), most) };
  }
  const rowsOfPage = rows / pages;
  // The last range of a page takes what is left of it: there had better not be much.
  const last = isGuess ? MOST_ITEMS : Math.min(MOST_ITEMS, Math.ceil(rowsOfPage * ITEMS_MARGIN));
  return { items: Math.max(1, Math.floor((rowsOfPage * wanted) / perPage)), most: last };
}

/**
 * The next ranges of a segment, from `from`, each of one length: at most `count`. `pages` is the table's length, for the
 * segment that has no end: its last range reaches to the table's end, wherever that is by now.
 */
export function nextRanges(
  segment: Range,
  { from, length, count, pages }: { from: TuplePosition; length: RangeLength; count: number; pages: number },
): Range[] {
  const limit = segment.to ?? tuplePosition(Math.max(pages, pageOf(from)));
  // A rest of less than half a range goes with the one before it.
  const rest = "pages" in length ? tuplePosition(length.pages) / 2 : 0;
  const ranges: Range[] = [];
  let start = from;
  while (ranges.length < count) {
    const to = endOfRange(start, length);
    if (to + rest >= limit) {
      ranges.push({ from: start, to: segment.to });
      break;
    }
    ranges.push({ from: start, to });
    start = to;
  }
  return ranges;
}

function endOfRange(from: TuplePosition, length: RangeLength): TuplePosition {
  if ("pages" in length) return tuplePosition(pageOf(from) + length.pages);
  const item = itemOf(from) + length.items;
  const isLastOfPage = item + length.items / 2 > length.most;
  return isLastOfPage ? tuplePosition(pageOf(from) + 1) : tuplePosition(pageOf(from), item);
}
