/** What stands at the beginning of a frame of Zstandard: RFC 8878, section 3.1.1.1. */

/** Bytes of the magic number and the descriptor. */
const FIXED_SIZE = 5;

/** Bytes of the longest header. */
const LONGEST_HEADER = 18;

/** Bytes of each field behind the descriptor, in their order. */
export interface HeaderFields {
  window: number;
  dictionaryId: number;
  contentSize: number;
}

/** Which fields a descriptor announces. */
export function headerFields(descriptor: number): HeaderFields {
  // Its window is its content, and it does not say how long a window it needs.
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  return {
    window: isSingleSegment ? 0 : 1,
    dictionaryId: [0, 1, 2, 4][descriptor & 0b11] ?? 0,
    contentSize: [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0,
  };
}

/** Bytes of text that a frame says it holds; undefined where it does not say, or is so short that nobody need ask. */
export function contentSizeOf(frame: Uint8Array): number | undefined {
  if (frame.byteLength < LONGEST_HEADER) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const { window, dictionaryId, contentSize } = headerFields(view.getUint8(FIXED_SIZE - 1));
  const at = FIXED_SIZE + window + dictionaryId;
  switch (contentSize) {
    case 0:
      return undefined;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
