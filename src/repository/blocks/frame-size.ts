const MAGIC = 0xfd2fb528;

/** Bytes of a dictionary's number, by the two bits that say so. */
const DICTIONARY_ID_LENGTHS: readonly number[] = [0, 1, 2, 4];

/**
 * Bytes of text that a frame of Zstandard says it has (RFC 8878, 3.1.1.1); undefined where it does not say, or is none. Whoever wrote
 * it may have lied.
 */
export function frameContentSize(frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.byteLength < 5 || view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const windowLength = isSingleSegment ? 0 : 1;
  const dictionaryIdLength = DICTIONARY_ID_LENGTHS[descriptor & 0b11] ?? 0;
  const start = 5 + windowLength + dictionaryIdLength;
  const [length, read] = SIZE_FIELDS[descriptor >> 6] ?? [0, undefined];
  if (length === 1 && !isSingleSegment) return undefined;
  return view.byteLength < start + length ? undefined : read?.(view, start);
}

/** The field's length in bytes, and how it is read, by the first two bits of the descriptor. */
const SIZE_FIELDS: readonly (readonly [length: number, read: (view: DataView, at: number) => number])[] = [
  [1, (view, at) => view.getUint8(at)],
  [2, (view, at) => view.getUint16(at, true) + 256],
  [4, (view, at) => view.getUint32(at, true)],
  [8, (view, at) => Number(view.getBigUint64(at, true))],
];
