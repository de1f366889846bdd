import { mix } from "./hash.ts";
import { IdTable } from "./id-table.ts";

/** Which documents there are, which state of each is wanted, and which of them are in the index. */

/** Entries to begin with. */
const FIRST_CAPACITY = 1024;

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
 * entry takes about 40 bytes and its id's, so that ten million documents fit into a few hundred megabytes.
 */
export class DocumentTable {
  readonly #ids = new IdTable();
  #high = new Uint32Array(FIRST_CAPACITY);
  #low = new Uint32Array(FIRST_CAPACITY);
  /** What the scan that is under way has seen so far. */
  #nextHigh = new Uint32Array(FIRST_CAPACITY);
  #nextLow = new Uint32Array(FIRST_CAPACITY);
  #versions = new Uint32Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);

  /** Entries: their numbers go from 0 up to, not including, this. */
  get length(): number {
    return this.#ids.length;
  }

  /**
   * The number of the entry of this id; undefined where there is none.
   *
   * @param previous the one found before: rows mostly come in the order in which the first scan saw them
   */
  find(bytes: Buffer, start: number, end: number, previous = -1): number | undefined {
    return this.#ids.find(bytes, start, end, previous);
  }

  /** The number of the entry of this id, made where there is none. `previous` is as in `find`. */
  add(bytes: Buffer, start: number, end: number, previous = -1): number {
    const entry = this.#ids.add(bytes, start, end, previous);
    if (entry >= this.#flags.length) this.#grow();
    return entry;
  }

  id(entry: number): string {
    return this.#ids.text(entry);
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
    return { id: this.#ids.bytes(entry), high: this.#high[entry] ?? 0, low: this.#low[entry] ?? 0 };
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

  #grow(): void {
    const capacity = this.#flags.length * 2;
    this.#high = enlarge(this.#high, new Uint32Array(capacity));
    this.#low = enlarge(this.#low, new Uint32Array(capacity));
    this.#nextHigh = enlarge(this.#nextHigh, new Uint32Array(capacity));
    this.#nextLow = enlarge(this.#nextLow, new Uint32Array(capacity));
    this.#versions = enlarge(this.#versions, new Uint32Array(capacity));
    this.#flags = enlarge(this.#flags, new Uint8Array(capacity));
  }
}

function enlarge<T extends Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
