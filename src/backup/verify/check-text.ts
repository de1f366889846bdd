import type { StoredBlock } from "../../repository/blocks/stored-block.ts";
import { isFromZstd } from "../../repository/blocks/decode-frame.ts";
import { decodeStream } from "../../repository/blocks/decode-stream.ts";

const LINE_END = 10;

/** The rows in COPY text: a raw line's end ends a row, and stands nowhere else. */
export function countRows(text: Buffer): number {
  let rows = 0;
  for (let end = text.indexOf(LINE_END); end !== -1; end = text.indexOf(LINE_END, end + 1)) rows += 1;
  return rows;
}

/**
 * Whether a frame holds a block's text: digest, length and rows. In chunks, so that memory does not grow with it.
 *
 * @throws what `stored` throws; after an abort: the signal's reason
 */
export async function isTextOf(
  stored: AsyncIterable<Uint8Array>,
  expected: Pick<StoredBlock, "rows" | "size" | "sha256"> & { dictionary: Uint8Array | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const text = decodeStream(stored, expected);
  let rows = 0;
  try {
    for (let step = await text.next(); ; step = await text.next()) {
      signal.throwIfAborted();
      if (step.done === true) return step.value && rows === expected.rows;
      const { buffer, byteOffset, byteLength } = step.value;
      rows += countRows(Buffer.from(buffer, byteOffset, byteLength));
    }
  } catch (error) {
    if (isFromZstd(error)) return false;
    throw error;
  } finally {
    await text.return(false);
  }
}
