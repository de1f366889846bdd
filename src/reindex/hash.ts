/** Hashes that are quick, and no more than that: whoever may choose what is hashed can make two alike. */

/** The multipliers of MurmurHash3's finalizer. */
const MIX_1 = 0x85ebca6b;
const MIX_2 = 0xc2b2ae35;
/** FNV-1a, 32 bits. */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a, mixed, of the bytes from `start` up to, not including, `end`. */
export function hash(bytes: Buffer, start: number, end: number): number {
  let value = FNV_BASIS;
  for (let index = start; index < end; index++) {
    value = Math.imul(value ^ (bytes[index] ?? 0), FNV_PRIME);
  }
  return mix(value);
}

/** Spreads 32 bits over 32 bits; no two numbers come to the same. */
export function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), MIX_1);
  mixed = Math.imul(mixed ^ (mixed >>> 13), MIX_2);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
