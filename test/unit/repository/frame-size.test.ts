import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { frameContentSize } from "../../../src/repository/blocks/frame-size.ts";

test.for([0, 1, 255, 256, 257, 65_535, 65_536, 65_791, 65_792, 300_000, 5_000_000])(
  "a frame tells its %i bytes, with and without a dictionary",
  (size) => {
    const text = Buffer.alloc(size, "a text that repeats itself, ");
    const dictionary = Buffer.from("a text that repeats itself, and another");
    expect(frameContentSize(zstdCompressSync(text))).toBe(size);
    expect(frameContentSize(zstdCompressSync(text, { dictionary }))).toBe(size);
  },
);

test("what is no whole frame tells nothing, and never throws", () => {
  const frame = zstdCompressSync(Buffer.alloc(70_000, "x"));
  for (let length = 0; length < 5; length++)
    expect(frameContentSize(frame.subarray(0, length))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const size = frameContentSize(Buffer.concat([frame.subarray(0, 4), bytes]));
      expect(size === undefined || size >= 0).toBe(true);
      expect(frameContentSize(bytes)).toBeUndefined();
    }),
  );
});
