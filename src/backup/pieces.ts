import { createHash, type Hash } from "node:crypto";

const SMALLEST_PIECE = 8 * 1024 * 1024;

/** A manifest takes 100,000 pieces; the archive may still turn out four times as large as estimated. */
const MOST_ESTIMATED_PIECES = 25_000;

/** Bytes of a piece, for an archive that may have `estimatedSize` bytes: 8 MiB, doubled until their number is small. */
export function choosePieceSize(estimatedSize: number): number {
  let size = SMALLEST_PIECE;
  while (estimatedSize / size > MOST_ESTIMATED_PIECES) size *= 2;
  return size;
}

/** What was hashed, whole and in pieces. */
export interface PieceDigests {
  /** Bytes. */
  size: number;
  /** Of everything, hexadecimal. */
  sha256: string;
  pieceSize: number;
  /** Of each piece, in order. At least one: nothing at all is one empty piece. */
  pieces: string[];
}

/** Hashes a stream with SHA-256 as it passes: the whole, and each piece of `pieceSize` bytes. */
export class PieceHasher {
  readonly #pieceSize: number;
  readonly #whole = createHash("sha256");
  readonly #pieces: string[] = [];
  #piece: Hash = createHash("sha256");
  #pieceFilled = 0;
  #size = 0;

  constructor(pieceSize: number) {
    this.#pieceSize = pieceSize;
  }

  /** Adds the next bytes. */
  update(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    this.#size += chunk.byteLength;
    for (let offset = 0; offset < chunk.byteLength;) {
      // A piece ends when the next byte comes, so that a stream that ends with a whole piece has no empty one after it.
      if (this.#pieceFilled === this.#pieceSize) this.#endPiece();
      const length = Math.min(this.#pieceSize - this.#pieceFilled, chunk.byteLength - offset);
      this.#piece.update(chunk.subarray(offset, offset + length));
      this.#pieceFilled += length;
      offset += length;
    }
  }

  /** The digests of all that came. Ends the hasher. */
  finish(): PieceDigests {
    this.#endPiece();
    return {
      size: this.#size,
      sha256: this.#whole.digest("hex"),
      pieceSize: this.#pieceSize,
      pieces: this.#pieces,
    };
  }

  #endPiece(): void {
    this.#pieces.push(this.#piece.digest("hex"));
    this.#piece = createHash("sha256");
    this.#pieceFilled = 0;
  }
}
