import { hash } from "./hash.ts";

/** Ids to begin with; must be a power of two. */
const FIRST_CAPACITY = 1024;
const FIRST_BYTES = 16 * 1024;

/** Ids, numbered from 0 in the order in which they came. An id is bytes, of which the table keeps a copy; it takes 20 bytes more. */
export class IdTable {
  /** Numbers go from 0 up to, not including, this. */
  length = 0;
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  /** Where each id ends; it begins where the one before ends. */
  #ends = new Float64Array(FIRST_CAPACITY);
  /** What most ids differ in, so that few are looked at to tell them apart, and none when the table grows. */
  #hashes = new Uint32Array(FIRST_CAPACITY);
  /** Open addressing: an id's number plus 1, or 0. At most half full. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2);

  /** The id's number; undefined where there is none. `previous` is the number found before: ids mostly come in order. */
  find(bytes: Buffer, start: number, end: number, previous = -1): number | undefined {
    if (this.#isNext(previous, bytes, start, end)) return previous + 1;
    const found = this.#slots[this.#slotOf(bytes, start, end, hash(bytes, start, end))] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  /** The id's number, given to it where it has none. `previous` is as in `find`. */
  add(bytes: Buffer, start: number, end: number, previous = -1): number {
    if (this.#isNext(previous, bytes, start, end)) return previous + 1;
    if (this.length === this.#hashes.length) this.#grow();
    const idHash = hash(bytes, start, end);
    const slot = this.#slotOf(bytes, start, end, idHash);
    const found = this.#slots[slot] ?? 0;
    if (found !== 0) return found - 1;
    const number = this.length;
    this.#keep(bytes, start, end);
    this.#hashes[number] = idHash;
    this.#slots[slot] = number + 1;
    this.length += 1;
    return number;
  }

  /** The id's bytes: valid until the next one is added. */
  bytes(number: number): Buffer {
    return this.#bytes.subarray(this.#startOf(number), this.#ends[number]);
  }

  text(number: number): string {
    return this.#bytes.toString("utf8", this.#startOf(number), this.#ends[number]);
  }

  #startOf(number: number): number {
    return number === 0 ? 0 : (this.#ends[number - 1] ?? 0);
  }

  #isNext(previous: number, bytes: Buffer, start: number, end: number): boolean {
    return previous + 1 < this.length && this.#isThis(previous + 1, bytes, start, end);
  }

  /** Where the id's number is, or would go. */
  #slotOf(bytes: Buffer, start: number, end: number, idHash: number): number {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    let slot = idHash & mask;
    for (;;) {
      const found = slots[slot] ?? 0;
      if (found === 0) return slot;
      if (hashes[found - 1] === idHash && this.#isThis(found - 1, bytes, start, end)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isThis(number: number, bytes: Buffer, start: number, end: number): boolean {
    const ownStart = this.#startOf(number);
    if ((this.#ends[number] ?? 0) - ownStart !== end - start) return false;
    for (let index = 0; index < end - start; index++) {
      if (this.#bytes[ownStart + index] !== bytes[start + index]) return false;
    }
    return true;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const ownStart = this.#startOf(this.length);
    const ownEnd = ownStart + end - start;
    if (ownEnd > this.#bytes.byteLength) this.#growBytes(ownEnd);
    // For a few bytes a loop is quicker than a call of `copy`.
    const own = this.#bytes;
    for (let index = start; index < end; index++) own[ownStart + index - start] = bytes[index] ?? 0;
    this.#ends[this.length] = ownEnd;
  }

  #grow(): void {
    const capacity = this.#hashes.length * 2;
    const ends = new Float64Array(capacity);
    ends.set(this.#ends);
    this.#ends = ends;
    const hashes = new Uint32Array(capacity);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#slots = slotsOf(hashes, this.length);
  }

  #growBytes(least: number): void {
    const larger = Buffer.allocUnsafe(Math.max(least, this.#bytes.byteLength * 2));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}

/** Slots of ids that are all different. */
function slotsOf(hashes: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const slots = new Uint32Array(hashes.length * 2);
  const mask = slots.length - 1;
  for (let number = 0; number < length; number++) {
    let slot = (hashes[number] ?? 0) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = number + 1;
  }
  return slots;
}
