import { messageOf } from "../../errors.ts";
import { endOf, type FrameReference } from "../../repository/blocks/block-index.ts";
import { decodeFrame } from "../../repository/blocks/decode-frame.ts";
import { packKey } from "../../repository/keys.ts";
import { readWhole } from "../../repository/read-whole.ts";
import type { Storage } from "../../storage/storage.ts";

/** Where a block that is stored as itself is, and the SHA-256 of its text. */
export interface FullBlock {
  frame: FrameReference;
  sha256: string;
}

/** Bytes of text. A larger one finds little in its dictionary: zstd's tables are too small for it at a level that is quick. */
export const MAX_DICTIONARY_SIZE = 1024 * 1024;

/** Gives the texts of earlier blocks, which changed ones are compressed with. */
export interface Dictionaries {
  /** Undefined where it cannot be had: the block is then stored as itself. */
  read(block: FullBlock): Promise<Buffer | undefined>;
}

/**
 * Reads earlier blocks from the storage. What cannot be read is told once: a backup never fails for want of it.
 *
 * @throws (`read`) the signal's reason
 */
export function openDictionaries(from: {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  signal: AbortSignal;
  warn: (message: string) => void;
}): Dictionaries {
  const { storage, database, signal } = from;
  let hasWarned = false;
  const warn = (pack: string, what: string): void => {
    if (!hasWarned) from.warn(`changed blocks are written whole where pack ${pack} cannot be read: ${what}`);
    hasWarned = true;
  };
  return {
    async read({ frame, sha256 }) {
      const range = { start: frame.offset, end: endOf(frame) };
      try {
        const stored = await readWhole(storage, packKey(database, frame.pack), frame.length, {
          range,
          signal,
        });
        const expected = { size: undefined, maxSize: MAX_DICTIONARY_SIZE, sha256, dictionary: undefined };
        const text = await decodeFrame(stored, expected);
        if (text === undefined) warn(frame.pack, `it is corrupt at byte ${frame.offset}`);
        return text;
      } catch (error) {
        signal.throwIfAborted();
        warn(frame.pack, messageOf(error));
        return undefined;
      }
    },
  };
}
