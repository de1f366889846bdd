import { messageOf } from "../../errors.ts";
import type { FrameReference } from "../../repository/blocks/stored-block.ts";
import type { PackReader } from "../../repository/blocks/pack-reader.ts";

/** Where a block that is stored as itself is, and the SHA-256 of its text. */
export interface FullBlock {
  frame: FrameReference;
  sha256: string;
}

/** Bytes of text. A larger one finds little in its dictionary: zstd's tables are too small for it at a level that is quick. */
export const MAX_DICTIONARY_SIZE = 1024 * 1024;

/** Gives the texts of earlier blocks, which changed ones are compressed with. */
export interface Dictionaries {
  /** In memory of its own: good for `free`. Undefined where it cannot be had: the block is then stored as itself. */
  read(block: FullBlock): Promise<Buffer | undefined>;
}

/**
 * Reads earlier blocks from packs. What cannot be read is told once: a backup never fails for want of it.
 *
 * @throws (`read`) the signal's reason
 */
export function openDictionaries(from: {
  packs: PackReader;
  signal: AbortSignal;
  warn: (message: string) => void;
}): Dictionaries {
  const { packs, signal } = from;
  let hasWarned = false;
  const warn = (pack: string, what: string): void => {
    if (!hasWarned) from.warn(`changed blocks are written whole where pack ${pack} cannot be read: ${what}`);
    hasWarned = true;
  };
  return {
    async read({ frame, sha256 }) {
      const expected = { size: undefined, maxSize: MAX_DICTIONARY_SIZE, sha256, dictionary: undefined };
      try {
        const text = await packs.text(frame, expected, signal);
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
