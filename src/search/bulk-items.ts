/**
 * The items of a bulk request's NDJSON: `index`, `create` and `update` are two lines, `delete` is one.
 * Looked at only where a request has to be cut, or an item named; what goes well is never read.
 */

/** Where one item stands in a body, in bytes. */
export interface BulkItem {
  start: number;
  /** The end of its action line. */
  action: number;
  /** Past its last newline. */
  end: number;
}

const NEWLINE = 10;
/** `d`, of `{"delete"` as everybody writes it: other actions begin with other letters. */
const LETTER_D = 0x64;
const BRACE = 0x7b;
const QUOTE = 0x22;
const DELETE_PATTERN = /^\s*\{\s*"delete"/;

/** All items of a body, in order. */
export function itemsOf(body: Buffer): BulkItem[] {
  const items: BulkItem[] = [];
  for (let start = 0; start < body.byteLength;) {
    const action = lineEnd(body, start);
    const end = isDelete(body, start) ? action : lineEnd(body, action);
    items.push({ start, action, end });
    start = end;
  }
  return items;
}

/** How many items a body has. */
export function countItems(body: Buffer): number {
  let count = 0;
  for (let start = 0; start < body.byteLength; count += 1) {
    const action = lineEnd(body, start);
    start = isDelete(body, start) ? action : lineEnd(body, action);
  }
  return count;
}

function isDelete(body: Buffer, start: number): boolean {
  const isCompact = body[start] === BRACE && body[start + 1] === QUOTE;
  if (isCompact) return body[start + 2] === LETTER_D;
  return DELETE_PATTERN.test(body.toString("latin1", start, start + 32));
}

/** The document's id of an item; empty where it names none. */
export function idOf(body: Buffer, { start, action }: BulkItem): string {
  const line: unknown = JSON.parse(body.toString("utf8", start, action));
  const fields: unknown = typeof line === "object" && line !== null ? Object.values(line)[0] : undefined;
  if (typeof fields !== "object" || fields === null || !("_id" in fields)) return "";
  return typeof fields._id === "string" || typeof fields._id === "number" ? String(fields._id) : "";
}

/**
 * Cuts a body into pieces of at most `maxBytes`, where items end. A single item may be larger: it is a piece of its own.
 * The pieces share the body's memory.
 */
export function cutBody(body: Buffer, maxBytes: number): Buffer[] {
  if (body.byteLength <= maxBytes) return [body];
  const pieces: Buffer[] = [];
  let from = 0;
  let to = 0;
  for (const { start, end } of itemsOf(body)) {
    if (end - from > maxBytes && start > from) {
      pieces.push(body.subarray(from, start));
      from = start;
    }
    to = end;
  }
  pieces.push(body.subarray(from, to));
  return pieces;
}

/** A new body of the items at these places, in order. */
export function pickItems(body: Buffer, places: readonly number[]): Buffer {
  const items = itemsOf(body);
  return Buffer.concat(
    places.flatMap((place) => {
      const item = items[place];
      return item === undefined ? [] : [body.subarray(item.start, item.end)];
    }),
  );
}

/** Past the line's newline, or past the body's end. */
function lineEnd(body: Buffer, from: number): number {
  const newline = body.indexOf(NEWLINE, from);
  return newline === -1 ? body.byteLength : newline + 1;
}
