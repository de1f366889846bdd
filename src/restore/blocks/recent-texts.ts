import { free } from "../../garbage.ts";

interface Kept {
  text: Uint8Array;
  /** Those that look at it now. */
  users: number;
  isKept: boolean;
}

/** A text, for as long as it is looked at. */
export interface BorrowedText {
  bytes: Uint8Array;
  /** To be called once. The memory may be gone after. */
  release: () => void;
}

/** The texts that were used last, up to a number of bytes of memory. What leaves is given back once nobody looks at it. */
export class RecentTexts {
  readonly #maxBytes: number;
  readonly #texts = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  borrow(sha256: string): BorrowedText | undefined {
    const kept = this.#texts.get(sha256);
    if (kept === undefined) return undefined;
    // A map keeps the order of arrival: what is used goes to its end.
    this.#texts.delete(sha256);
    this.#texts.set(sha256, kept);
    return lend(kept);
  }

  /** Takes a text over, whose memory is nobody else's, and lends it. */
  add(sha256: string, text: Uint8Array): BorrowedText {
    const kept: Kept = { text, users: 0, isKept: false };
    const borrowed = lend(kept);
    if (this.#texts.has(sha256) || memoryOf(kept) > this.#maxBytes) return borrowed;
    kept.isKept = true;
    this.#texts.set(sha256, kept);
    this.#bytes += memoryOf(kept);
    for (const [oldest, one] of this.#texts) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#texts.delete(oldest);
      this.#bytes -= memoryOf(one);
      one.isKept = false;
      freeUnused(one);
    }
    return borrowed;
  }
}

function lend(kept: Kept): BorrowedText {
  kept.users += 1;
  return {
    bytes: kept.text,
    release: () => {
      kept.users -= 1;
      freeUnused(kept);
    },
  };
}

function freeUnused({ text, users, isKept }: Kept): void {
  if (users === 0 && !isKept) free(text);
}

/** Bytes: a text may stand in a piece of memory that is larger. */
function memoryOf({ text }: Kept): number {
  return text.buffer.byteLength;
}
