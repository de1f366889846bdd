import { hash, mix } from "./hash.ts";

/** Which documents there are, which state of each is wanted, and which of them are in the index. */

/** Entries to begin with; must be a power of two. */
const FIRST_CAPACITY = 1024;
const FIRST_ID_BYTES = 16 * 1024;

/** The last scan saw it. */
const SEEN = 1;
/** The index holds what is wanted: this state of the document, or that there is none. */
const SETTLED = 2;
/** The engine did not take what is wanted. */
const REFUSED = 4;
/** Its document was read in this pass. */
const READ = 8;
/** The index may hold a document of this id. */
const INDEXED = 16;
/** What is wanted is not what was saved. */
const CHANGED = 32;

/** Odd, and large: sets tables apart in fingerprints. */
const TABLE_FACTOR = 0x811c9dc5;

/** What is kept of one document between runs. */
export interface SavedEntry {
  id: Buffer;
  high: number;
  low: number;
}

/**
 * A table of documents by id: for each the fingerprint of its wanted state, and whether the index has it.
 *
 * Two scans that give an id the same fingerprint saw the same document. Ids are bytes: the text of the id in the database. An
 * entry takes about 30 bytes and its id's, so that ten million documents fit into a few hundred megabytes.
 */
export class DocumentTable {
  /** Entries: their numbers go from 0 up to, not including, this. */
  length = 0;
  #ids = Buffer.allocUnsafe(FIRST_ID_BYTES);
  /** Where each entry's id ends; it begins where the one before ends. */
  #idEnds = new Float64Array(FIRST_CAPACITY);
  #high = new Uint32Array(FIRST_CAPACITY);
  #low = new Uint32Array(FIRST_CAPACITY);
  /** What the scan that is under way has seen so far. */
  #nextHigh = new Uint32Array(FIRST_CAPACITY);
  #nextLow = new Uint32Array(FIRST_CAPACITY);
  #versions = new Uint32Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  /** Open addressing: an entry's number plus 1, or 0. At most half full. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2);

  /**
   * The number of the entry of this id; undefined where there is none.
   *
   * @param previous the one found before: rows mostly come in the order in which the first scan saw them
   */
  find(bytes: Buffer, start: number, end: number, previous = -1): number | undefined {
    if (this.#isNext(previous, bytes, start, end)) return previous + 1;
    const found = this.#slots[this.#slotOf(bytes, start, end)] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  /** The number of the entry of this id, made where there is none. `previous` is as in `find`. */
  add(bytes: Buffer, start: number, end: number, previous = -1): number {
    if (this.#isNext(previous, bytes, start, end)) return previous + 1;
    const slot = this.#slotOf(bytes, start, end);
    const found = this.#slots[slot] ?? 0;
    if (found !== 0) return found - 1;
    if (this.length === this.#flags.length) {
      this.#grow();
      return this.add(bytes, start, end);
    }
    const entry = this.length;
    const idStart = this.#startOf(entry);
    const idEnd = idStart + end - start;
    if (idEnd > this.#ids.byteLength) this.#growIds(idEnd);
    // For a few bytes a loop is quicker than a call of `copy`.
    const ids = this.#ids;
    for (let index = start; index < end; index++) ids[idStart + index - start] = bytes[index] ?? 0;
    this.#idEnds[entry] = idEnd;
    this.#slots[slot] = entry + 1;
    this.length += 1;
    return entry;
  }

  id(entry: number): string {
    return this.#ids.toString("utf8", this.#startOf(entry), this.#idEnds[entry]);
  }

  /** Begins a scan: nothing is seen yet. */
  beginScan(): void {
    for (let entry = 0; entry < this.length; entry++) {
      this.#clear(entry, SEEN | READ);
      this.#nextHigh[entry] = 0;
      this.#nextLow[entry] = 0;
    }
  }

  /** A row that the document of this id is made from, by a 32-bit number that no other state of the row has, and its table. */
  seeRow(entry: number, version: number, table: number): void {
    const high = mix(version ^ Math.imul(table + 1, TABLE_FACTOR));
    this.see(entry, high, mix(high ^ version));
  }

  /** A part of the document's fingerprint; parts are added up, in whatever order. */
  see(entry: number, high: number, low: number): void {
    const sum = (this.#nextLow[entry] ?? 0) + low;
    this.#nextLow[entry] = sum;
    const carry = sum > 0xffff_ffff ? 1 : 0;
    this.#nextHigh[entry] = (this.#nextHigh[entry] ?? 0) + high + carry;
    this.#set(entry, SEEN);
  }

  /** Ends a scan: what differs from what was wanted before is not settled any more. */
  endScan(): void {
    for (let entry = 0; entry < this.length; entry++) {
      const isSame = this.#nextHigh[entry] === this.#high[entry] && this.#nextLow[entry] === this.#low[entry];
      if (isSame) continue;
      this.#high[entry] = this.#nextHigh[entry] ?? 0;
      this.#low[entry] = this.#nextLow[entry] ?? 0;
      this.#clear(entry, SETTLED | REFUSED);
      this.#set(entry, CHANGED);
    }
  }

  /** Whether the last scan saw it. */
  isSeen(entry: number): boolean {
    return this.#has(entry, SEEN);
  }

  /** Whether the index holds what is wanted. */
  isSettled(entry: number): boolean {
    return this.#has(entry, SETTLED);
  }

  isIndexed(entry: number): boolean {
    return this.#has(entry, INDEXED);
  }

  isRefused(entry: number): boolean {
    return this.#has(entry, REFUSED);
  }

  /** Whether there is something to send, as far as the last scan knows. */
  isPending(entry: number): boolean {
    return !this.#has(entry, SETTLED | REFUSED);
  }

  /** @returns whether it was read in this pass before */
  markRead(entry: number): boolean {
    const wasRead = this.#has(entry, READ);
    this.#set(entry, READ);
    return wasRead;
  }

  isRead(entry: number): boolean {
    return this.#has(entry, READ);
  }

  /** From now on the index may hold a document of this id: it is on its way. */
  markSent(entry: number): void {
    this.#set(entry, INDEXED);
  }

  /** The index holds the wanted state, written as `version`. */
  settle(entry: number, version: number): void {
    this.#set(entry, SETTLED);
    this.#versions[entry] = version;
  }

  /** The index holds no document of this id, as is wanted. */
  settleGone(entry: number, version: number): void {
    this.settle(entry, version);
    this.#clear(entry, INDEXED);
  }

  refuse(entry: number): void {
    this.#clear(entry, SETTLED);
    this.#set(entry, REFUSED);
  }

  /** Of our own numbering: that of the last write. */
  version(entry: number): number {
    return this.#versions[entry] ?? 0;
  }

  /** The entries to send something for. */
  *pending(): Generator<number, void, void> {
    for (let entry = 0; entry < this.length; entry++) if (this.isPending(entry)) yield entry;
  }

  pendingCount(): number {
    let count = 0;
    for (let entry = 0; entry < this.length; entry++) if (this.isPending(entry)) count += 1;
    return count;
  }

  /** What a checkpoint keeps of an entry; `id` is valid until the next entry is added. */
  save(entry: number): SavedEntry {
    const id = this.#ids.subarray(this.#startOf(entry), this.#idEnds[entry]);
    return { id, high: this.#high[entry] ?? 0, low: this.#low[entry] ?? 0 };
  }

  /** The entries from `first` on were saved as they are. */
  markSaved(first: number): void {
    for (let entry = first; entry < this.length; entry++) this.#clear(entry, CHANGED);
  }

  /** Whether the index holds what was saved, as far as that can be told from what was saved alone. */
  isSettledAsSaved(entry: number): boolean {
    return this.#has(entry, SETTLED) && !this.#has(entry, CHANGED);
  }

  /** Adds an entry of a checkpoint. `isSettled`: the index held this state then, written as `version` at the latest. */
  restore({ id, high, low }: SavedEntry, isSettled: boolean, version: number): void {
    const entry = this.add(id, 0, id.byteLength);
    this.#high[entry] = high;
    this.#low[entry] = low;
    // What was not settled may be in the index all the same: it was on its way.
    this.#flags[entry] = INDEXED | (isSettled ? SETTLED : 0);
    this.#versions[entry] = version;
  }

  #has(entry: number, flag: number): boolean {
    return ((this.#flags[entry] ?? 0) & flag) !== 0;
  }

  #set(entry: number, flag: number): void {
    this.#flags[entry] = (this.#flags[entry] ?? 0) | flag;
  }

  #clear(entry: number, flag: number): void {
    this.#flags[entry] = (this.#flags[entry] ?? 0) & ~flag;
  }

  #startOf(entry: number): number {
    return entry === 0 ? 0 : (this.#idEnds[entry - 1] ?? 0);
  }

  #isNext(previous: number, bytes: Buffer, start: number, end: number): boolean {
    return previous + 1 < this.length && this.#isIdOf(previous + 1, bytes, start, end);
  }

  #slotOf(bytes: Buffer, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(bytes, start, end) & mask;
    for (;;) {
      const found = this.#slots[slot] ?? 0;
      if (found === 0 || this.#isIdOf(found - 1, bytes, start, end)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isIdOf(entry: number, bytes: Buffer, start: number, end: number): boolean {
    const idStart = this.#startOf(entry);
    if ((this.#idEnds[entry] ?? 0) - idStart !== end - start) return false;
    for (let index = 0; index < end - start; index++) {
      if (this.#ids[idStart + index] !== bytes[start + index]) return false;
    }
    return true;
  }

  #grow(): void {
    const capacity = this.#flags.length * 2;
    this.#idEnds = enlarge(this.#idEnds, new Float64Array(capacity));
    this.#high = enlarge(this.#high, new Uint32Array(capacity));
    this.#low = enlarge(this.#low, new Uint32Array(capacity));
    this.#nextHigh = enlarge(this.#nextHigh, new Uint32Array(capacity));
    this.#nextLow = enlarge(this.#nextLow, new Uint32Array(capacity));
    this.#versions = enlarge(this.#versions, new Uint32Array(capacity));
    this.#flags = enlarge(this.#flags, new Uint8Array(capacity));
    this.#slots = new Uint32Array(capacity * 2);
    for (let entry = 0; entry < this.length; entry++) {
      this.#slots[this.#slotOf(this.#ids, this.#startOf(entry), this.#idEnds[entry] ?? 0)] = entry + 1;
    }
  }

  #growIds(least: number): void {
    const larger = Buffer.allocUnsafe(Math.max(least, this.#ids.byteLength * 2));
    this.#ids.copy(larger);
    this.#ids = larger;
  }
}

function enlarge<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
