/**
 * Where a row can be in a table, as one number in the order of PostgreSQL's `ctid`: the page times 2^16, plus the item on
 * it. Items count from 1, so that item 0 stands before all of its page.
 */
export type TuplePosition = number;

const ITEM_NUMBERS = 2 ** 16;
/** PostgreSQL's pages are numbered by 32 bits. */
const PAGE_NUMBERS = 2 ** 32;

export function tuplePosition(page: number, item = 0): TuplePosition {
  return page * ITEM_NUMBERS + item;
}

export function pageOf(position: TuplePosition): number {
  return Math.floor(position / ITEM_NUMBERS);
}

export function itemOf(position: TuplePosition): number {
  return position % ITEM_NUMBERS;
}

/** `64,0`: what stands between the parentheses of a `ctid`. */
export function formatPosition(position: TuplePosition): string {
  return `${pageOf(position)},${itemOf(position)}`;
}

/** Reads what `formatPosition` writes; undefined for everything else. */
export function parsePosition(text: string): TuplePosition | undefined {
  const [, page, item] = /^(\d{1,10}),(\d{1,5})$/.exec(text) ?? [];
  const position = tuplePosition(Number(page), Number(item));
  const isInside = Number(page) < PAGE_NUMBERS && Number(item) < ITEM_NUMBERS;
  return isInside && formatPosition(position) === text ? position : undefined;
}
