import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { constants, createZstdCompress, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { contentSizeOf } from "../../../src/repository/zstd-header.ts";

test.for([30, 255, 256, 300, 65_791, 65_792, 5_000_000])("a frame of %d bytes says so", (size) => {
  const text = randomBytes(size);
  expect(contentSizeOf(zstdCompressSync(text))).toBe(size);
  expect(contentSizeOf(zstdCompressSync(text, { dictionary: randomBytes(1000) }))).toBe(size);
});

test("also where it is not one segment: its window is shorter than its content", () => {
  const text = randomBytes(300_000);
  const frame = zstdCompressSync(text, { params: { [constants.ZSTD_c_windowLog]: 17 } });
  expect(contentSizeOf(frame)).toBe(text.byteLength);
});

test("one that was begun before its end was known does not say", async () => {
  const stream = createZstdCompress();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (let piece = 0; piece < 10; piece += 1) stream.write(randomBytes(100_000));
  stream.end();
  await once(stream, "end");
  expect(contentSizeOf(Buffer.concat(chunks))).toBeUndefined();
});

test("nor does one that is no longer than a header", () => {
  expect(contentSizeOf(zstdCompressSync(""))).toBeUndefined();
});
