import type { DocumentTable } from "./document-table.ts";

/** Entries of a document table as bytes: length of the id (4), the id, the fingerprint (8); big-endian, one after the other. */

const LENGTH_SIZE = 4;
const FINGERPRINT_SIZE = 8;

/** Bytes; the longest id that an engine takes has 512. A longer one is refused there by name. */
const MAX_ID_SIZE = 1024 * 1024;

/** The entries from `first` up to, not including, `end`. */
export function serializeEntries(table: DocumentTable, first: number, end: number): Buffer {
  let size = 0;
  for (let entry = first; entry < end; entry++) {
    size += LENGTH_SIZE + table.save(entry).id.byteLength + FINGERPRINT_SIZE;
  }
  const bytes = Buffer.allocUnsafe(size);
  let position = 0;
  for (let entry = first; entry < end; entry++) {
    const { id, high, low } = table.save(entry);
    position = bytes.writeUInt32BE(id.byteLength, position);
    position += id.copy(bytes, position);
    position = bytes.writeUInt32BE(high, position);
    position = bytes.writeUInt32BE(low, position);
  }
  return bytes;
}

/**
 * Adds saved entries to a table.
 *
 * @param settled one bit for each entry of all segments, from the lowest; those beyond are not settled
 * @param version that settled entries were written with at the latest
 * @throws RangeError for bytes that are no entries
 */
export function restoreEntries(
  table: DocumentTable,
  bytes: Buffer,
  settled: Uint8Array,
  version: number,
): void {
  let position = 0;
  while (position < bytes.byteLength) {
    const length = bytes.readUInt32BE(position);
    position += LENGTH_SIZE;
    if (length > MAX_ID_SIZE) throw new RangeError("an id is too long");
    const id = bytes.subarray(position, position + length);
    position += length;
    const high = bytes.readUInt32BE(position);
    const low = bytes.readUInt32BE(position + LENGTH_SIZE);
    position += FINGERPRINT_SIZE;
    const entry = table.length;
    const isSettled = ((settled[entry >> 3] ?? 0) & (1 << (entry & 7))) !== 0;
    table.restore({ id, high, low }, isSettled, version);
  }
}

/**
 * One bit for each entry: whether the index holds what was saved of it. Not where it changed since: what was deleted, or changed
 * twice, may be again as it was saved by the time somebody reads this, and the index is not.
 */
export function settledBits(table: DocumentTable): Uint8Array {
  const bits = new Uint8Array(Math.ceil(table.length / 8));
  for (let entry = 0; entry < table.length; entry++) {
    if (table.isSettledAsSaved(entry)) bits[entry >> 3] = (bits[entry >> 3] ?? 0) | (1 << (entry & 7));
  }
  return bits;
}
