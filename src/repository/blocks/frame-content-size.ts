/** Bytes of the longest header: RFC 8878, section 3.1.1.1. */
const LONGEST_HEADER = 18;

/** Bytes of the dictionary's id, by the descriptor's lowest bits. */
const DICTIONARY_ID_SIZES = [0, 1, 2, 4];

/** Bytes of text that a frame of Zstandard says it holds; undefined where it does not say, or is so short that nobody need ask. */
export function contentSizeOf(frame: Uint8Array): number | undefined {
  if (frame.byteLength < LONGEST_HEADER) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const descriptor = view.getUint8(4);
  // Its window is its content, and it does not say how long a window it needs.
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const at = (isSingleSegment ? 5 : 6) + (DICTIONARY_ID_SIZES[descriptor & 0b11] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
