import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { choosePieceSize, PieceHasher } from "../../../src/backup/pieces.ts";

const MEBIBYTE = 1024 * 1024;
const GIBIBYTE = 1024 * MEBIBYTE;

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

describe("choosePieceSize", () => {
  test.each([
    { estimate: 0, size: 8 * MEBIBYTE },
    { estimate: 195 * GIBIBYTE, size: 8 * MEBIBYTE },
    { estimate: 196 * GIBIBYTE, size: 16 * MEBIBYTE },
    { estimate: 64 * 1024 * GIBIBYTE, size: 4 * GIBIBYTE },
  ])("$estimate bytes -> pieces of $size", ({ estimate, size }) => {
    expect(choosePieceSize(estimate)).toBe(size);
  });

  test("leaves room for an archive four times the estimate in a manifest's 100,000 pieces", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (estimate) => {
        expect((4 * estimate) / choosePieceSize(estimate)).toBeLessThanOrEqual(100_000);
      }),
    );
  });
});

describe("PieceHasher", () => {
  test("hashes the whole and each piece, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 64 }),
        (chunks, pieceSize) => {
          const hasher = new PieceHasher(pieceSize);
          for (const chunk of chunks) hasher.update(chunk);
          const whole = Buffer.concat(chunks);
          const pieces = [sha256(whole.subarray(0, pieceSize))];
          for (let start = pieceSize; start < whole.byteLength; start += pieceSize) {
            pieces.push(sha256(whole.subarray(start, start + pieceSize)));
          }
          expect(hasher.finish()).toEqual({
            size: whole.byteLength,
            sha256: sha256(whole),
            pieceSize,
            pieces,
          });
        },
      ),
    );
  });
});
