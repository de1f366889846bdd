import { expect, test } from "vitest";
import { free } from "../../src/garbage.ts";

test.each([
  ["what a socket reads at once", Buffer.allocUnsafeSlow(65_536)],
  ["a part of something large", Buffer.allocUnsafeSlow(Buffer.poolSize + 1).subarray(7, 9)],
])("gives back %s", (_, bytes) => {
  free(bytes);
  expect(bytes.buffer.byteLength).toBe(0);
});

test("leaves alone what shares its memory with other small buffers", () => {
  const bytes = Buffer.from("small");
  const other = Buffer.from("other");
  free(bytes);
  expect(bytes.toString()).toBe("small");
  expect(other.toString()).toBe("other");
});
