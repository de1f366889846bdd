import { hash } from "node:crypto";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { DataopsError } from "../../errors.ts";
import { contentSizeOf } from "../zstd-header.ts";

const decompress = promisify(zstdDecompress);

/** Bytes; zlib's own minimum. */
export const MIN_CHUNK_SIZE = 64;
/** Bytes that are set aside before it is known whether so many come: twice the usual block. */
const MAX_CHUNK_SIZE = 1024 * 1024;

export interface ExpectedText {
  /** Bytes of text; undefined where only a bound is known. */
  size: number | undefined;
  /** Bytes; no more is decompressed. */
  maxSize: number;
  /** Of the text, hexadecimal. */
  sha256: string;
  /** The text that the frame was compressed with. */
  dictionary: Uint8Array | undefined;
}

/**
 * Decompresses one whole frame and checks what comes out, in memory of its own: good for `free`.
 *
 * @returns undefined where it is not the text that was expected, for whatever reason
 */
export async function decodeFrame(stored: Uint8Array, expected: ExpectedText): Promise<Buffer | undefined> {
  const { size, maxSize, sha256, dictionary } = expected;
  const mostOfText = Math.min(size ?? contentSizeOf(stored) ?? maxSize, maxSize);
  let text: Buffer;
  try {
    text = await decompress(stored, {
      // A limit of nothing is taken for none.
      maxOutputLength: Math.max(1, mostOfText),
      // Room for all of it and a byte: what comes in one piece need not be put together.
      chunkSize: Math.max(MIN_CHUNK_SIZE, Math.min(MAX_CHUNK_SIZE, mostOfText + 1)),
      ...(dictionary === undefined ? {} : { dictionary }),
    });
  } catch (error) {
    if (isFromZstd(error)) return undefined;
    throw error;
  }
  const isExpected =
    (size === undefined || text.byteLength === size) && hash("sha256", text, "hex") === sha256;
  return isExpected ? text : undefined;
}

/** Whether decompressing failed because of the bytes, and not for want of memory. */
export function isFromZstd(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  if (error.code === "ZSTD_error_memory_allocation") return false;
  return /^(ZSTD_|ERR_ZSTD|Z_|ERR_BUFFER_TOO_LARGE)/.test(error.code);
}

/** The error of bytes in a pack that are not what they should be. */
export function corruptFrame(pack: string, offset: number, what: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `pack ${pack} is corrupt at byte ${offset}: ${what}`, {
    hint: "restore an older backup (`dataops list`), and find out what wrote to the storage",
    cause,
  });
}
